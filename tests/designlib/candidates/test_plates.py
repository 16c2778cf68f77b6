"""Layouts of plates."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from designlib.candidates.plates import lay_out
from designlib.config.plates import PlateConfig, read_well
from designlib.reports.plate import plate_figure
from designlib.types import InputError


def designs(prefix: str, number: int) -> pd.DataFrame:
    names = [f"{prefix}{n}" for n in range(number)]
    return pd.DataFrame({"candidate_id": names, "design": names, "role": "exploit"})


def laid(config: PlateConfig, number: int = 96, seed: int = 0) -> pd.DataFrame:
    controls = designs("control", len(config.controls))
    return lay_out(designs("c", number), designs("r", 20), controls, config, "x", seed)


def test_a_full_plate_without_anything_else() -> None:
    wells = laid(PlateConfig())
    assert set(wells["well"]) == {f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)}
    assert wells["plate"].unique().tolist() == ["x-p1"]
    assert wells["candidate_id"].is_unique


@pytest.mark.parametrize("size", [96, 384])
@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("replicates", [1, 3])
def test_every_plate_has_its_controls_and_references_and_no_well_twice(
    size: int, edges: bool, replicates: int
) -> None:
    config = PlateConfig.model_validate(
        {
            "wells": size, "controls": ["AC", "GT"], "control_wells": 3, "references": 4,
            "avoid_edges": edges, "replicates": replicates,
        }
    )  # fmt: skip
    wells = laid(config, 150)
    assert not wells.duplicated(["plate", "well"]).any()
    own = wells[wells["role"].isin(["exploit", "replicate"])]
    assert len(own) == 150 * replicates
    assert not own.duplicated(["candidate_id", "replicate"]).any()
    for _, plate in wells.groupby("plate"):
        counts = plate["role"].value_counts()
        assert counts["control"] == 6
        assert counts["reference"] == 4
    names = [read_well(well, size) for well in wells["well"]]
    assert names == wells["well"].tolist()
    rows, columns = (8, 12) if size == 96 else (16, 24)
    at_edge = wells["well"].str[0].isin(["A", chr(64 + rows)]) | wells["well"].str[1:].isin(
        ["1", str(columns)]
    )
    assert bool(at_edge.any()) is not edges


def test_replicates_lie_on_different_plates_where_there_are_several() -> None:
    wells = laid(PlateConfig(replicates=2), 96)
    assert wells.groupby("candidate_id")["plate"].nunique().eq(2).all()


def test_places_are_drawn_by_the_seed() -> None:
    pd.testing.assert_frame_equal(laid(PlateConfig(), seed=1), laid(PlateConfig(), seed=1))
    assert not laid(PlateConfig(), seed=1).equals(laid(PlateConfig(), seed=2))
    placed = laid(PlateConfig(), 20)
    # Read row by row, the wells have no gaps, and the candidates are not in the order of rank.
    assert placed["well"].tolist()[:13] == [*(f"A{n}" for n in range(1, 13)), "B1"]
    assert placed["candidate_id"].tolist() != [f"c{n}" for n in range(20)]


def test_too_few_references_are_told() -> None:
    with pytest.raises(InputError, match="21 references are wanted, but only 20"):
        laid(PlateConfig(references=21))


@pytest.mark.parametrize(
    "settings",
    [{"wells": 48}, {"controls": ["A", "a"]}, {"controls": [""]}, {"references": 96},
     {"controls": ["A"], "control_wells": 60, "avoid_edges": True}],
)  # fmt: skip
def test_layouts_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PlateConfig.model_validate(settings)


def test_the_picture_says_what_is_where() -> None:
    wells = laid(PlateConfig(controls=("AC",), references=2), 30)
    picture = plate_figure(wells.assign(label="1"), 96)
    assert picture.png.startswith(b"\x89PNG")
    assert "30 exploit, 2 control, 2 reference" in picture.caption
