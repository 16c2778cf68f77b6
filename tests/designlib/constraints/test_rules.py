"""Constraints that are their own settings: discovery, evaluation and errors."""

from collections.abc import Mapping

import pytest
import torch

from designlib.config import CompositionRule, SequenceRule
from designlib.constraints import AllOf, Masking, RuleConstraint, feasible_starts
from designlib.errors import InputError
from designlib.notation.alphabets import DNA, PROTEIN
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, SimplexSpace


class FewCysteines(SequenceRule):
    """At most so many cysteines."""

    most: int = 1

    def check(self, names: tuple[str, ...]) -> None:
        if "C" not in names:
            raise InputError("there is no letter C")

    def excess(self, design: str) -> float:
        return max(0, design.count("C") - self.most)

    def message(self, design: str) -> str:
        return f"{design.count('C')} C (at most {self.most})"


class Rich(CompositionRule):
    """Much iron."""

    def excess(self, design: Mapping[str, float]) -> float:
        return max(0.0, 0.5 - design["Fe"])

    def message(self, design: Mapping[str, float]) -> str:
        return f"Fe = {design['Fe']:g}"


def test_a_sequence_rule_counts_its_excess_and_states_it():
    space = SequenceSpace(PROTEIN, 4)
    rule = RuleConstraint(space, FewCysteines(), "few_cysteines")
    letters = space.encode(["ACDE", "CCDC"])
    assert not isinstance(rule, Masking)
    assert rule.conflicts(letters).tolist() == [0, 2]
    assert rule.satisfied(letters).tolist() == [True, False]
    assert AllOf(space, [rule]).violations(letters) == ["", "3 C (at most 1)"]


def test_a_rule_guides_the_initialisation():
    space = SequenceSpace(DNA, 30)
    rule = RuleConstraint(space, FewCysteines(most=0), "few_cysteines")
    starts = feasible_starts(space, rule, 20, torch_generator(0))
    assert rule.satisfied(starts).all()


def test_a_composition_rule_reads_shares():
    space = SimplexSpace(("Fe", "Ni"))
    rule = RuleConstraint(space, Rich(), "rich")
    shares = torch.tensor([[0.75, 0.25], [0.25, 0.75]], dtype=torch.float64)
    assert rule.conflicts(shares).tolist() == [0, 0.25]
    assert rule.violations(shares) == ["", "Fe = 0.25"]


def test_a_rule_checks_the_alphabet():
    with pytest.raises(InputError, match="there is no letter C"):
        RuleConstraint(SimplexSpace(("Fe", "Ni")), FewCysteines(), "few_cysteines")
