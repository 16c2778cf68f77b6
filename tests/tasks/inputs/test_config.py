"""Settings of the data and of the machines."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.inputs.config import DataConfig, ExecutionConfig, NamedDataset, TableFile


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({}, NamedDataset),
        ({"dataset": "lac_sortseq"}, NamedDataset),
        ({"visible_share": 1}, NamedDataset),
        ({"path": "a.csv"}, TableFile),
        ({"path": "a.csv", "direction": "minimise"}, TableFile),
    ],
)
def test_a_source_is_told_by_its_fields(source: dict[str, Any], kind: type) -> None:
    assert type(DataConfig.model_validate({"source": source}).source) is kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": {"path": "a.csv", "dataset": "b"}},
        {"source": {"path": "a.csv", "visible_share": 0.5}},
        {"source": {"visible_share": 1.1}},
        {"source": {"path": "a.csv", "direction": "max"}},
        {"source": {"path": "a.csv", "compositions": {}, "both_strands": True}},
        {"source": {"path": "a.csv", "alphabet": "xna"}},
        {"source": {"direction": "maximise"}},
        {"sauce": {}},
    ],
)
def test_wrong_sources_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataConfig.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"shards": 0}, {"shards": 10_001}, {"device": "mps"}, {"n": 1}])
def test_wrong_ways_to_run_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExecutionConfig.model_validate(wrong)


@pytest.mark.parametrize("model", [NamedDataset, TableFile, DataConfig, ExecutionConfig])
def test_every_field_of_the_form_has_a_title(model: Any) -> None:
    for name, field in model.model_json_schema()["properties"].items():
        assert field["title"], name
