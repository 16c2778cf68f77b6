"""Compositions as the first stages of a campaign read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from designlib.config.constraints import ComponentRange, CompositionConstraints
from designlib.config.splits import SplitConfig
from designlib.config.synthesis import DesignRules
from designlib.config.tables import CompositionReading, TableColumns
from designlib.config.training import TrainingConfig
from designlib.predictors.training import noise_weights
from designlib.types import InputError
from tasks.inputs.config import DataConfig, NamedDataset, TableFile
from tasks.inputs.tables import _read, _source, check_constraints, check_input, ingest, split
from tasks.rounds.train import Part, prepare
from tasks.stages.table_facts import load_facts, load_folds

BLENDS = DataConfig(source=NamedDataset(dataset="photo_pce10", visible_share=0.1, visible="random"))


@pytest.fixture
def table(home: Path) -> Path:
    """Return a table of 66 alloys."""
    rows = [
        f"{a / 10},{b / 10},{(10 - a - b) / 10},{1 + a * b}"
        for a in range(11)
        for b in range(11 - a)
    ]
    file = home.parent / "alloys.csv"
    file.write_text("\n".join(["Fe,Ni,Co,hardness", *rows]))
    return file


def alloys(table: Path, **settings: object) -> DataConfig:
    reading = CompositionReading(components=("Fe", "Ni", "Co"), step=10)
    given = {"path": str(table), "compositions": reading, **settings}
    return DataConfig(source=TableFile.model_validate(given))


def test_a_random_tenth_of_the_blends_is_shown(home: Path) -> None:
    measured = ingest.fn(BLENDS)
    facts = load_facts(measured)
    assert facts.space.columns == 4
    assert (facts.designs, facts.rows_read, facts.parts) == (1020, 1040, 50)
    assert (facts.source.truth, facts.maximise) == ("nearest", False)
    folds = load_folds(split.fn(measured, SplitConfig(), 0))
    shown = folds[folds["fold"] != "withheld"]
    assert len(shown) == 102
    assert shown["value"].min() < folds["value"].median() < shown["value"].max()
    other = load_folds(split.fn(measured, SplitConfig(), 1))
    assert not other["fold"].equals(folds["fold"])


def test_a_table_of_ones_own_carries_unit_direction_and_transform(table: Path) -> None:
    facts = load_facts(ingest.fn(alloys(table, direction="minimise", unit="GPa", transform="log")))
    assert (facts.source.unit, facts.maximise, facts.source.transform) == ("GPa", False, "log")
    assert facts.designs_are == "compositions of 3 components in steps of 10 %"
    assert facts.distance_units == "steps of 10 %"
    assert facts.value_name == "hardness"


def test_nothing_is_written_where_it_cannot_start(table: Path, home: Path) -> None:
    impossible = CompositionConstraints(
        component_ranges=(ComponentRange(components=("Fe",), low=95, high=99),)
    )
    for data, constraints, message in (
        (alloys(table), impossible, "no design was found that satisfies bounds"),
        (alloys(table.with_name("none.csv")), CompositionConstraints(), "none.csv"),
    ):
        with pytest.raises(InputError, match=message):
            check_input(data, DesignRules(constraints=constraints))
    assert not (home / "stages").exists()
    measured = ingest.fn(alloys(table))
    with pytest.raises(InputError, match="bounds"):
        check_constraints(measured, DesignRules(constraints=impossible))


def test_errors_of_logarithms_are_relative_errors(tmp_path: Path) -> None:
    rows = [
        f"{a / 20},{b / 20},{(20 - a - b) / 20},{value},{0.1 * value if a % 2 else 2.0}"
        for a in range(21)
        for b in range(0, 21 - a, 2)
        for value in [1.0 + a + 100 * (b > 8)]
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["Fe,Ni,Co,hardness,hardness error", *rows]))
    source = TableFile(
        path=str(path),
        columns=TableColumns(values=("hardness",), error="hardness error"),
        compositions=CompositionReading(components=("Fe", "Ni", "Co"), step=5),
        transform="log",
    )
    table, facts = _read(*_source(DataConfig(source=source)))
    folds = table.frame[["design", "value", "error", "weight"]].assign(fold="predictor", round=0.0)
    folds.loc[folds.index[:5], "fold"] = "validation"
    config = TrainingConfig(noise_weights=True)
    spec, training, _ = prepare(
        facts, folds, config, Part("predictor", 1, 0), torch.device("cpu"), None
    )
    learned = folds[folds["fold"] == "predictor"]
    expected = noise_weights((learned["error"] / learned["value"]).to_numpy())
    np.testing.assert_allclose(training.weight.numpy(), expected, rtol=1e-6)
    assert not np.allclose(expected, noise_weights(learned["error"].to_numpy()))
    np.testing.assert_allclose(
        spec.in_units(training.target.double()).numpy(), learned["value"], rtol=1e-5
    )
