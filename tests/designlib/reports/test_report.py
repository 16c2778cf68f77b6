import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from designlib.candidates import Provenance, build_table
from designlib.notation.alphabets import DNA
from designlib.reports.counterfactuals import CounterfactualFigures, counterfactual_lines
from designlib.reports.report import (
    RESAMPLED,
    KeyFigure,
    ReportContent,
    render_report,
    with_explained,
)
from designlib.reports.style import Picture

VOID = {"meta", "link", "img", "br", "input", "hr"}
HOSTILE = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Reads a page and raises where an element is closed that is not the last one opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def rows(self, css_class: str) -> int:
        start = next(
            at
            for at, (tag, attrs) in enumerate(self.tags)
            if tag == "table" and attrs.get("class") == css_class
        )
        rows = 0
        for tag, _ in self.tags[start + 1 :]:
            if tag == "table":
                break
            rows += tag == "tr"
        return rows - 1


def content(candidates=30, campaign="six6", **changes):
    designs = [f"{'ACGT'[i % 4]}{'ACGT'[i // 4 % 4]}{'ACGT'[i // 16]}A" for i in range(candidates)]
    frame = pd.DataFrame(
        {
            "design": designs,
            "rank": range(1, candidates + 1),
            "predicted_mean": 0.123456,
            "predicted_std": 0.01,
            "acquisition": 0.1,
            "nearest_measured": "TTTT",
            "parent_design": "TTTT",
            "distance_to_measured": 2,
            "cluster": 1,
            "constraint_gc": "ok",
        }
    )
    provenance = Provenance(
        campaign=campaign,
        round=2,
        seed=0,
        predictor_hash="p",
        dataset_hash="d",
        config_hash="c",
        round_key="r",
        value_name="E-score",
        value_units="a.u.",
        maximise=True,
    )
    made = ReportContent(
        candidates=build_table(frame, DNA, provenance),
        what_was_run=[KeyFigure("Data set", "SIX6 8-mers"), KeyFigure("Seed", "0")],
        key_figures=[KeyFigure("Predicted median", "0.12 a.u.", "of the batch")],
        pictures=[Picture("logo", "The logo", b"\x89PNG bytes", "What it shows.")],
        sampled=1234,
        rejected={"too close to a measured design": 1000, "constraint gc": 4},
        kept=230,
        provenance={"Round": "r" * 64},
    )
    return replace(made, **changes)


def test_the_page_is_well_formed_and_says_what_it_was_given():
    page = Page(render_report(content()))
    for text in (
        "six6, round 2",
        "SIX6 8-mers",
        "0.12 a.u.",
        "of the batch",
        "1,234",
        "too close to a measured design",
        "What it shows.",
        "r" * 64,
        "predicted mean",
        "a.u.",
    ):
        assert text in page.text
    assert page.tags[0][0] == "html"
    assert page.tags[0][1] == {"lang": "en"}


def test_nothing_outside_the_page_is_needed():
    html = render_report(content())
    for tag, attrs in Page(html).tags:
        assert tag not in {"script", "iframe", "object", "embed"}
        for name in ("src", "href"):
            assert (attrs.get(name) or "data:").startswith("data:")
    assert not re.search(r"https?:|//\w|@import|url\(", html)


def test_pictures_are_inside_with_their_alternative_text():
    page = Page(render_report(content()))
    (image,) = [attrs for tag, attrs in page.tags if tag == "img"]
    assert image["alt"] == "The logo"
    assert base64.b64decode(str(image["src"]).partition(",")[2]) == b"\x89PNG bytes"


@pytest.mark.parametrize(
    "changes",
    [
        {"campaign": HOSTILE},
        {"what_was_run": [KeyFigure(HOSTILE, HOSTILE)]},
        {"key_figures": [KeyFigure(HOSTILE, HOSTILE, HOSTILE)]},
        {"pictures": [Picture("x", f'"{HOSTILE}', b"", HOSTILE)]},
        {"rejected": {HOSTILE: 1}},
        {"provenance": {HOSTILE: HOSTILE}},
        {"where_the_rest_is": HOSTILE},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_users_write_stays_text(changes):
    html = render_report(content(**changes))
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    assert "<script" not in html


@pytest.mark.parametrize(
    ("candidates", "shown", "text"),
    [(30, 20, "The first 20 of 30 by rank."), (7, 7, "All 7 by rank.")],
)
def test_the_page_shows_the_first_twenty(candidates, shown, text):
    page = Page(render_report(content(candidates)))
    assert text in page.text
    assert page.rows("candidates") == shown
    assert "candidates.parquet and candidates.csv" in page.text


def test_no_rejection_is_said_in_words():
    page = Page(render_report(content(rejected={}, kept=1234)))
    assert "None was rejected." in page.text


def test_sampling_is_called_a_search_heuristic():
    text = " ".join(Page(render_report(content())).text.split())
    assert "Sampling is a search heuristic" in text
    assert "not exact draws" in text


def test_a_predictor_without_checkpoints_is_not_said_to_have_any():
    for kind in ("temperatures", "distillation"):
        text = " ".join(Page(render_report(content(ladder=kind))).text.split())
        assert "The predictors' training left no checkpoints" in text
    text = " ".join(Page(render_report(content())).text.split())
    assert "Many chains followed them from early ones" in text


def test_short_sequences_are_not_broken():
    assert '<td class="sequence">AAAA</td>' in render_report(content())


def test_sequential_monte_carlo_is_called_by_its_name():
    text = " ".join(Page(render_report(content(exactness=RESAMPLED))).text.split())
    assert "sequential Monte Carlo" in text
    assert "search heuristic" not in text


def test_counterfactuals_are_named_whether_asked_before_or_after():
    figures = CounterfactualFigures(
        round=2,
        goal="at least <1>",
        designs=3,
        reached=2,
        counterfactuals=9,
        fewest_edits=1,
        most_edited=(("9", 0.75),),
        validation_agrees=None,
    )
    lines = counterfactual_lines({"counterfactuals-ab": figures})
    before, after = render_report(content(explained=lines)), render_report(content())
    assert with_explained(after, lines) == before
    assert with_explained(before, []) == after
    assert "found for 2 of 3 designs" in before
    assert "at least &lt;1&gt;" in before
    assert "edited most: 9 75%; see counterfactuals-ab" in before
    assert with_explained("<p>of an earlier release</p>", lines) == "<p>of an earlier release</p>"


def test_the_same_content_gives_the_same_page():
    assert render_report(content()) == render_report(content())
