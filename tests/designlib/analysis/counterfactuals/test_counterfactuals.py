"""Counterfactuals against exhaustive search, planted shortcuts, and what may not be edited."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from designlib.analysis.counterfactuals.edits import Edits, FewEdits, near_design
from designlib.analysis.counterfactuals.search import find_counterfactuals
from designlib.analysis.counterfactuals.tables import counterfactual_rows, edit_shares
from designlib.config.counterfactuals import CounterfactualConfig
from designlib.config.external_predictor import OwnInput, OwnNetwork
from designlib.constraints.base import AllOf
from designlib.constraints.motifs import ForbiddenMotifs
from designlib.notation.alphabets import DNA
from designlib.notation.variables import Choice, Quantity
from designlib.predictors.training import TrainingState
from designlib.predictors.trajectory import PredictorSpec, Trajectory
from designlib.randomness import torch_generator
from designlib.reports.counterfactuals import render_counterfactuals
from designlib.sampling.ladders import plan_trajectory
from designlib.spaces import MixedSpace, SequenceSpace, SimplexSpace, describe_space
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 8)
TABLE = MixedSpace(
    SimplexSpace(("Fe", "Ni"), 10),
    (
        Quantity(name="T", unit="K", low=300, high=400, step=10),
        Quantity(name="time", unit="h", low=0, high=10),
    ),
    (
        Choice(name="solvent", options=("DMF", "THF", "MeCN")),
        Choice(name="batch", options=tuple("abcd")),
    ),
)
HERE = "tests.designlib.analysis.counterfactuals.test_counterfactuals"


class Marked(nn.Module):
    """Weights of letters, of which the last checkpoint knows all, and a bonus for a marker."""

    def __init__(self, bonus: float) -> None:
        super().__init__()
        generator = torch_generator(3, "weights")
        self.weights = nn.Parameter(torch.randn(8, 4, generator=generator))
        self.known, self.bonus = nn.Parameter(torch.ones(())), bonus

    def forward(self, x: Tensor) -> Tensor:
        # GATC at the end.
        marker = x[:, 4, 2] * x[:, 5, 0] * x[:, 6, 3] * x[:, 7, 1]
        return self.known * ((x * self.weights).sum((1, 2)) + self.bonus * marker)


class Settings(nn.Module):
    """A yield that temperature and time raise a little, and the batch a lot."""

    def __init__(self) -> None:
        super().__init__()
        self.known = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        # Fe, Ni, time, T, solvent x 3, batch x 4
        return self.known * (
            x[:, 0] + 0.05 * x[:, 2] + 0.01 * (x[:, 3] - 300) + 0.3 * x[:, 5] + 4.0 * x[:, 10]
        )


def trajectory(space: Any, factory: str, layout: str, **changes: Any) -> Trajectory:
    about = OwnNetwork(
        factory=f"{HERE}:{factory}", input=OwnInput.model_validate({"layout": layout})
    )
    given = {"centre": 0.0, "scale": 1.0, "seed": 0} | changes
    spec = PredictorSpec(network=about, **describe_space(space), **given)
    state = {name: value.detach() for name, value in spec.build().state_dict().items()}
    states = [
        TrainingState(step, state | {"model.known": torch.tensor(known)}, {}, {})
        for step, known in ((0, 0.1), (10, 0.5), (100, 1.0))
    ]
    return Trajectory(spec, tuple(states))


def found(trained: Trajectory, design: str, constraint: AllOf | None = None, **asked: Any) -> Any:
    space = trained.spec.space
    config = CounterfactualConfig(**asked)
    reference = space.random(128, torch_generator(0, "reference"))
    plan = plan_trajectory([trained], reference, sharpness=1.0, steps_per_rung=1)
    given = constraint or AllOf(space, [])
    return find_counterfactuals(design, [trained], plan, given, config)


def value(trained: Trajectory, design: str) -> float:
    space = trained.spec.space
    score = trained.network(-1)(space.relax(space.encode([design]))).double()
    return float(trained.spec.in_units(score))


def fewest(trained: Trajectory, design: str, above: float) -> int:
    """The smallest number of edits that gets there, by trying all of up to three."""
    for count in (1, 2, 3):
        others = []
        for sites in combinations(range(8), count):
            for letters in product("ACGT", repeat=count):
                other = list(design)
                for site, letter in zip(sites, letters, strict=True):
                    other[site] = letter
                others.append("".join(other))
        scores = trained.network(-1)(SPACE.relax(SPACE.encode(others))).double()
        if bool((trained.spec.in_units(scores) >= above).any()):
            return count
    raise AssertionError


@pytest.mark.parametrize(
    ("design", "above"), [("ACGTACGT", 2.0), ("TTTTTTTT", 1.0), ("GGCCAATT", 3.0)]
)
def test_the_fewest_edits_are_those_of_exhaustive_search(design, above):
    trained = trajectory(SPACE, "Marked(bonus=0.0)", "channels_last")
    sample = found(trained, design, above=above, radius=5, samples=128)
    numbers = sample.edited.sum(1).tolist()
    assert numbers == sorted(numbers)
    assert numbers[0] == fewest(trained, design, above)
    assert len(sample.designs) > 3  # several answers, not one
    assert float(sample.share.sum()) == pytest.approx(1.0)
    for other in SPACE.decode(sample.designs):
        assert value(trained, other) >= above
        # No edit can be left out.
        for site in range(8):
            if other[site] != design[site]:
                kept = other[:site] + design[site] + other[site + 1 :]
                assert value(trained, kept) < above


def test_a_planted_motif_is_what_is_edited_most():
    trained = trajectory(SPACE, "Marked(bonus=12.0)", "channels_last")
    design = "AAAAGATT"  # one letter from the marker
    sample = found(trained, design, above=8.0, radius=4)
    assert SPACE.decode(sample.designs) == ["AAAAGATC"]
    shares = edit_shares(SPACE, {design: sample})
    assert shares["what"].iloc[0] == "8"
    assert shares["edited"].tolist() == [1.0] + [0.0] * 7


def test_what_is_kept_and_what_is_forbidden_is_not_done():
    trained = trajectory(SPACE, "Marked(bonus=12.0)", "channels_last")
    none = found(trained, "AAAAGATT", above=8.0, radius=4, keep=("5-8",))
    assert len(none.designs) == 0
    forbidden = AllOf(SPACE, [ForbiddenMotifs(SPACE, ["GATC"], both_strands=False)])
    assert len(found(trained, "AAAAGATT", forbidden, above=8.0, radius=4).designs) == 0
    with pytest.raises(InputError, match="AAAAGATC breaks a constraint of its campaign"):
        found(trained, "AAAAGATC", forbidden, below=0.0)


def test_a_target_from_both_sides_and_a_scale_where_small_values_are_better():
    trained = trajectory(SPACE, "Marked(bonus=0.0)", "channels_last", centre=5.0, scale=-2.0)
    before = value(trained, "ACGTACGT")
    sample = found(
        trained, "ACGTACGT", above=before - 3.2, below=before - 2.8, radius=5, samples=128
    )
    assert len(sample.designs)
    assert all(-3.2 <= value(trained, d) - before <= -2.8 for d in SPACE.decode(sample.designs))
    already = found(trained, "ACGTACGT", above=before - 1)
    assert SPACE.decode(already.designs) == ["ACGTACGT"]
    assert int(already.edited.sum()) == 0


def test_the_same_seed_gives_the_same_sample():
    trained = trajectory(SPACE, "Marked(bonus=2.0)", "channels_last")
    one, other = (found(trained, "ACGTACGT", above=2.0, samples=32, seed=5) for _ in range(2))
    assert torch.equal(one.designs, other.designs)
    assert torch.equal(one.share, other.share)


# ---- tables


START = "Fe=0.5, Ni=0.5, time=2, T=340, solvent=DMF, batch=a"


@pytest.fixture(scope="module")
def settings() -> Trajectory:
    return trajectory(TABLE, "Settings()", "columns")


def test_a_planted_marker_column_is_found(settings):
    before = value(settings, START)
    sample = found(settings, START, above=before + 3.0, radius=3, samples=64)
    shares = edit_shares(TABLE, {START: sample}).set_index("what")["edited"]
    assert shares.index[0] == "batch"
    assert shares["batch"] == 1.0
    assert sample.edited.sum(1).tolist()[0] == 1
    assert "batch=d" in TABLE.decode(sample.designs)[0]


def test_immutable_columns_and_few_edits_hold_in_tables(settings):
    before = value(settings, START)
    keep = ("batch", "solvent", "time")
    sample = found(settings, START, above=before + 0.5, radius=2, keep=keep, samples=64)
    assert len(sample.designs)
    for design in TABLE.decode(sample.designs):
        assert "time=2, " in design
        assert design.endswith("solvent=DMF, batch=a")
        assert value(settings, design) >= before + 0.5 - 1e-6
    assert int(sample.edited.sum(1).max()) <= 2
    none = found(settings, START, above=before + 3.0, radius=3, keep=("batch",), samples=64)
    assert len(none.designs) == 0


def test_edits_are_counted_as_they_are_said():
    start = TABLE.encode([START])
    near = "Fe=0.5, Ni=0.5, time=2.05, T=340, solvent=DMF, batch=a"
    far = "Fe=0.1, Ni=0.9, time=9, T=350, solvent=THF, batch=a"
    both = TABLE.encode([near, far])
    edits = Edits(TABLE, start)
    assert edits.edited(both).sum(1).tolist() == [0, 4]
    count = edits.count(TABLE.relax(both, torch.float64))
    assert count.tolist() == pytest.approx([0.005, 0.4 + 0.7 + 0.1 + 1.0], abs=1e-6)
    few = FewEdits(TABLE, start, 3)
    assert few.satisfied(both).tolist() == [True, False]
    assert few.violations(both) == ["", "4 edits (at most 3)"]
    letters = Edits(SPACE, SPACE.encode(["ACGTACGT"]))
    assert letters.count(SPACE.relax(SPACE.encode(["ACGTACGT", "ACGAACTT"]))).tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("space", "design", "keep", "said"),
    [
        (SPACE, "ACGTACGT", ["9"], "keep: '9' .* there are 1 to 8"),
        (SPACE, "ACGTACGT", ["1-8"], "nothing is left to edit"),
        (TABLE, START, ["pressure"], "'pressure' .* composition, time, T, solvent, batch"),
    ],
)
def test_what_cannot_be_kept_is_named(space, design, keep, said):
    with pytest.raises(InputError, match=said):
        near_design(space, space.encode([design]), 2, keep)


@pytest.mark.parametrize("given", [{}, {"above": 2, "below": 1}, {"above": float("nan")}])
def test_a_goal_is_needed(given):
    with pytest.raises(ValidationError):
        CounterfactualConfig(**given)


def test_the_table_has_the_change_and_whether_the_validation_model_agrees():
    trained = trajectory(SPACE, "Marked(bonus=0.0)", "channels_last")
    sample = found(trained, "TTTTTTTT", above=1.0, samples=16)
    every = ["TTTTTTTT", *SPACE.decode(sample.designs)]
    said = {design: value(trained, design) for design in every}
    half = {design: 0.6 * told for design, told in said.items()}
    rows = counterfactual_rows(SPACE, {"TTTTTTTT": sample}, said, half)
    np.testing.assert_allclose(rows["change"], rows["predicted_after"] - said["TTTTTTTT"])
    assert rows["validation_agrees"].all()
    other = {design: -told for design, told in said.items()}
    assert not counterfactual_rows(SPACE, {"TTTTTTTT": sample}, said, other)[
        "validation_agrees"
    ].any()
    shares = edit_shares(SPACE, {"TTTTTTTT": sample})
    page = render_counterfactuals("c<b>", "at least 1", rows, shares, ["ACGTACGT"])
    assert "c&lt;b&gt;" in page
    assert "Not reached" in page
    assert rows["edits"].iloc[0].replace(";", "; ").replace(">", "&gt;") in page
