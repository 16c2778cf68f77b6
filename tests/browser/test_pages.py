"""A person at the two pages: fills in the form, watches the run, opens the candidate table."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from designlib.candidates import read_candidates
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

FILLED = {
    "Name": "from-the-page",
    "Seed": "5",
    "Width": "32",
    "Members": "2",
    "Steps": "60",
    "Checkpoints": "8",
    "Chains": "300",
    "Final steps": "4",
    "Batch size": "24",
}


@pytest.fixture(scope="module")
def form(page: Page, site: Site) -> Page:
    """The run form of the campaign."""
    prefect = site.servers.address.removesuffix("/api")
    page.goto(f"{prefect}/deployments/deployment/{site.deployment()['id']}/run")
    expect(_label(page, "Device")).to_be_visible(timeout=90_000)
    return page


def test_the_form_has_tabs_and_drop_downs_and_no_json_box(
    form: Page, picture: Callable[[str], None]
) -> None:
    picture("form")
    # The page's JSON boxes are code editors.
    assert form.locator(".cm-editor, .p-code-input, textarea[class*=json]").count() == 0
    source = _property(form, "Source")
    source.get_by_text("Table of your own", exact=True).click()
    expect(_label(form, "Both strands")).to_be_visible()
    source.get_by_text("Public data set", exact=True).click()
    expect(_label(form, "Visible share")).to_be_visible()
    for choice in ("Device", "Architecture", "Data set"):
        assert _property(form, choice).locator("select, .p-select").count() > 0, choice
    labels = form.locator(".schema-form-property__label").all_inner_texts()
    assert len(labels) > 40


def test_a_bad_value_is_refused_and_named(form: Page, picture: Callable[[str], None]) -> None:
    _fill(form, "Seed", "-1")
    form.get_by_role("button", name="Submit").click()
    told = form.get_by_text(re.compile("greater than or equal to 0|less than the minimum"))
    expect(told.first).to_be_visible()
    assert "/run" in form.url
    picture("refused")


def test_a_campaign_from_the_form_completes(
    form: Page, site: Site, picture: Callable[[str], None]
) -> None:
    for name, value in FILLED.items():
        _fill(form, name, value)
    _property(form, "Max homopolymer").get_by_text("int", exact=True).click()
    _property(form, "Max homopolymer").locator("input[type=number]").fill("3")
    motifs = _property(form, "Forbidden motifs")
    motifs.get_by_role("button", name="Add item").click()
    motifs.locator("textarea, input[type=text]").first.fill("GGTA")
    motifs.scroll_into_view_if_needed()
    picture("constraints")
    _submit(form)
    (run,) = [run for run in site.runs() if run["parameters"].get("config", {}).get("seed") == 5]
    form.goto(f"{site.servers.address.removesuffix('/api')}/runs/flow-run/{run['id']}")
    expect(form.get_by_text("Completed", exact=True).first).to_be_visible(timeout=400_000)
    site.wait_for_state(run["id"], "COMPLETED")
    form.reload()
    expect(form.get_by_text("from-the-page").first).to_be_visible()
    form.wait_for_timeout(3_000)  # the graph is drawn on a canvas, which says nothing
    picture("run")
    table = read_candidates((site.published("from-the-page") / "candidates.parquet").read_bytes())
    designs = table["design"].to_pylist()
    assert len(designs) == 24
    assert not any("GGTA" in design or "TACC" in design for design in designs)
    assert not any(letter * 4 in design for design in designs for letter in "ACGT")


def test_prefect_leads_to_the_candidate_table_in_mlflow(
    form: Page, site: Site, picture: Callable[[str], None]
) -> None:
    (run,) = [run for run in site.runs() if run["name"] == "from-the-page"]
    form.goto(f"{site.servers.address.removesuffix('/api')}/runs/flow-run/{run['id']}")
    form.get_by_text("Artifacts", exact=True).first.click()
    form.get_by_text(re.compile("round", re.IGNORECASE)).last.click()
    link = form.get_by_role("link", name=re.compile("in MLflow"))
    address = link.get_attribute("href")
    assert address is not None
    form.goto(address)
    expect(form.get_by_text(re.compile("24 candidates")).first).to_be_visible()
    picture("mlflow-run")
    form.goto(f"{address}/artifacts/candidates.json")
    best = read_candidates((site.published("from-the-page") / "candidates.parquet").read_bytes())[
        "design"
    ].to_pylist()[0]
    expect(form.get_by_text(best, exact=True).first).to_be_visible()
    picture("mlflow-table")
    form.get_by_text("report.html", exact=True).first.click()
    report = form.frame_locator("iframe").first
    expect(report.get_by_text(re.compile("Candidates")).first).to_be_visible(timeout=60_000)
    picture("mlflow-report")


def _submit(page: Page) -> None:
    """Press the button until the page has taken it: a busy one may still be at the last field."""
    opened = re.compile("/runs/flow-run/|/deployments/deployment/[0-9a-f-]+(\\?|$)")
    for _ in range(4):
        page.get_by_role("button", name="Submit").click()
        with contextlib.suppress(TimeoutError):
            page.wait_for_url(opened, wait_until="commit")
            return
    told = page.locator(".schema-form-property, .p-toast").filter(has_text="must").all_inner_texts()
    raise AssertionError(f"the form was not taken: {told}")


def _label(page: Page, name: str) -> Locator:
    return (
        page.locator(".schema-form-property__label")
        .filter(has_text=re.compile(rf"^{name}( \(Optional\))?$"))
        .first
    )


def _property(page: Page, name: str) -> Locator:
    """Return the part of the form that belongs to a label."""
    nearest = "ancestor::*[contains(concat(' ', @class, ' '), ' schema-form-property ')][1]"
    return _label(page, name).locator(f"xpath={nearest}")


def _fill(page: Page, name: str, value: str) -> None:
    _property(page, name).locator("input, textarea").first.fill(value)
