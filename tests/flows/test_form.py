"""The form of a campaign in the Prefect page, as the schema that the page draws it from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.campaign import design_campaign
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.catalogue import read_catalogue

SCHEMA = parameter_schema(design_campaign).model_dump()


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the schema with the definition that it refers to."""
    while "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[-1]
        part = {**SCHEMA["definitions"][name], **{k: v for k, v in part.items() if k != "$ref"}}
    return part


def fields(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every field below a part of the schema, with where it is."""
    part = resolved(part)
    for name, below in part.get("properties", {}).items():
        yield f"{path}.{name}", resolved(below)
        yield from fields(below, f"{path}.{name}")
    for kind in ("anyOf", "allOf"):
        for number, below in enumerate(part.get(kind, [])):
            yield from fields(below, f"{path}[{number}]")
    if "items" in part:
        yield from fields(part["items"], f"{path}[]")


ALL = dict(fields(SCHEMA["properties"]["config"]))
REQUIRED = {
    # What is added to a list or chosen by a tab has no sensible default.
    ".data.source[1].path",
    ".constraints[0].hamming_ball[0].reference",
    ".constraints[0].fixed_sites[].position",
    ".constraints[0].fixed_sites[].letters",
    ".constraints[1].component_ranges[].components",
    ".constraints[1].never_together[].components",
    ".constraints[1].ratios[].component",
    ".constraints[1].ratios[].to",
    ".constraints[1].quantity_ranges[].quantity",
    ".constraints[1].allowed_options[].choice",
    ".constraints[1].allowed_options[].options",
    ".data.source[1].compositions[0].quantities[].name",
    ".data.source[1].compositions[0].quantities[].low",
    ".data.source[1].compositions[0].quantities[].high",
    ".data.source[1].compositions[0].choices[].name",
    ".recipe.precursors[].component",
    ".recipe.precursors[].formula",
    ".predictor[0].model",
    ".predictor[0].examples",
    ".predictor[0].examples[].design",
    ".predictor[0].examples[].value",
    ".objectives[0].weighted",
    ".objectives[0].weighted[].column",
    ".objectives[1].limits",
    ".objectives[1].limits[].column",
    ".objectives[2].off_targets",
    ".objectives[3].front",
    ".objectives[3].front[].column",
}


def test_the_walk_sees_the_whole_form() -> None:
    assert len(ALL) > 50
    for name in CampaignConfig.model_fields:
        assert f".{name}" in ALL
    assert set(ALL) >= REQUIRED


@pytest.mark.parametrize("path", ALL)
def test_every_field_has_a_label_and_a_description(path: str) -> None:
    field = ALL[path]
    assert field.get("title"), path
    assert len(field.get("description", "")) > 10, path


@pytest.mark.parametrize("path", sorted(set(ALL) - REQUIRED))
def test_every_field_has_a_literal_default(path: str) -> None:
    assert "default" in ALL[path], path


@pytest.mark.parametrize("path", ALL)
def test_every_number_has_bounds(path: str) -> None:
    kinds = [resolved(kind) for kind in ALL[path].get("anyOf", [ALL[path]])]
    for kind in kinds:
        if kind.get("type") in ("integer", "number"):
            assert {"minimum", "exclusiveMinimum", "enum"} & set(kind), path


@pytest.mark.parametrize("path", ALL)
def test_nothing_is_drawn_as_a_json_box(path: str) -> None:
    for kind in [resolved(kind) for kind in ALL[path].get("anyOf", [ALL[path]])]:
        # The page draws a box for a discriminator, for an object without properties, and for
        # what has no type at all.
        assert "discriminator" not in kind, path
        assert kind.get("type") in {
            "object",
            "array",
            "string",
            "integer",
            "number",
            "boolean",
            "null",
        }, path
        if kind["type"] == "object":
            assert kind["properties"], path
            assert kind["additionalProperties"] is False, path
        if kind["type"] == "array":
            assert resolved(kind["items"]).get("type"), path


def test_alternatives_are_tabs_whose_fields_differ() -> None:
    for path, titles in {
        ".data.source": ["Public data set", "Table of your own"],
        ".constraints": ["Sequences", "Compositions"],
        ".objectives": ["Weighted sum", "Within limits", "Specificity", "Pareto front"],
    }.items():
        kinds = [resolved(kind) for kind in ALL[path]["anyOf"]]
        tabs = [kind for kind in kinds if kind.get("type") != "null"]
        assert [tab["title"] for tab in tabs] == titles
        for one, other in combinations(tabs, 2):
            assert not set(one["properties"]) & set(other["properties"])


def test_choices_are_drop_downs() -> None:
    tables = [name for name, entry in read_catalogue().items() if entry.table]
    assert ALL[".data.source[0].dataset"]["enum"] == tables
    assert ALL[".execution.device"]["enum"] == ["auto", "cpu", "cuda"]
    assert ALL[".training.network.architecture"]["enum"]
    assert ALL[".data.source[1].direction"]["enum"] == ["maximise", "minimise"]


def test_what_the_form_submits_untouched_is_the_default_campaign() -> None:
    assert CampaignConfig.model_validate(SCHEMA["properties"]["config"]["default"]) == (
        CampaignConfig()
    )
