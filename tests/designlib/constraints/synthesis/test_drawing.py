"""Rules of synthesis inside the moves: what the check of the finished design says, exactly."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from designlib.config.constraints import ConstraintConfig
from designlib.config.synthesis import DesignRules
from designlib.constraints import Masking, feasible_starts
from designlib.constraints.synthesis import verdict
from designlib.constraints.synthesis.drawing import build_rules
from designlib.notation.alphabets import DNA, PROTEIN
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError

OWN = {"gc": {"low": 0.0, "high": 1.0}, "max_run": 1000, "max_repeat": None}
ADAPTERS = {"adapters": {"left": "TTGGTCTCA", "right": "GAGACCTT"}}


def rules(**synthesis: Any) -> DesignRules:
    return DesignRules.model_validate({"synthesis": {"rules": OWN} | synthesis})


CASES = {
    "runs": rules(rules=OWN | {"max_run": 3}),
    "runs across junctions": rules(rules=OWN | {"max_run": 2}, **ADAPTERS),
    "GC": rules(rules=OWN | {"gc": {"low": 0.3, "high": 0.6}}, **ADAPTERS),
    "GC in windows": rules(rules=OWN | {"gc": {"low": 0.2, "high": 0.8, "window": 6}}, **ADAPTERS),
    "a window wider than the molecule": rules(
        rules=OWN | {"gc": {"low": 0.0, "high": 0.5, "window": 90}}
    ),
    "sites": rules(forbidden_sites=["GGTCTC", "GARC", "TTT"], **ADAPTERS),
    "a site longer than the design": rules(forbidden_sites=["TCTCANNGNNNNGAGA"], **ADAPTERS),
    "required": rules(required_motifs=["CAT", "GGTCTC"], **ADAPTERS),
    "together": rules(
        rules=OWN | {"gc": {"low": 0.3, "high": 0.7}, "max_run": 3},
        forbidden_sites=["GGTCTC", "CRG"],
    ),
    "gen9": rules(rules={"vendor": "gen9"}, **ADAPTERS),
    "limits on the ends of a molecule shorter than these": rules(rules={"vendor": "idt"}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_designs_are_feasible_where_nothing_is_found_afterwards(case: DesignRules) -> None:
    space = SequenceSpace(DNA, 7)
    constraint = build_rules(case, space)
    designs = space.random(600, torch_generator(5))
    assert case.synthesis is not None
    fine = [verdict(design, case.synthesis) == "ok" for design in space.decode(designs)]
    assert constraint.satisfied(designs).tolist() == fine
    assert 0 < sum(fine) < len(fine)
    assert [told == "" for told in constraint.violations(designs)] == fine


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_masks_are_those_of_the_molecule(case: DesignRules) -> None:
    space = SequenceSpace(DNA, 7)
    constraint = build_rules(case, space)
    designs = space.random(200, torch_generator(6))
    designs = designs[constraint.satisfied(designs)]
    for member in constraint.members:
        assert isinstance(member, Masking)
        moves = member.allowed_moves(designs)
        for site in range(space.length):
            for letter in range(4):
                changed = designs.clone()
                changed[:, site] = letter
                assert torch.equal(moves[:, site, letter], member.satisfied(changed))


def test_the_campaigns_own_constraints_hold_as_well() -> None:
    space = SequenceSpace(DNA, 40)
    synthesis = {"rules": {"vendor": "gen9"}, "forbidden_sites": ["GAATTC"], **ADAPTERS}
    own = ConstraintConfig(max_homopolymer=2)
    both = DesignRules.model_validate({"constraints": own, "synthesis": synthesis})
    starts = feasible_starts(space, build_rules(both, space), 50, torch_generator(1))
    assert both.synthesis is not None
    for design in space.decode(starts):
        assert verdict(design, both.synthesis) == "ok"
        assert not any(letter * 3 in design for letter in "ACGT")


def test_without_rules_there_are_the_constraints_alone() -> None:
    space = SequenceSpace(PROTEIN, 9)
    constraint = build_rules(DesignRules(constraints=ConstraintConfig(max_homopolymer=2)), space)
    assert [member.name for member in constraint.members] == ["max_homopolymer"]


def test_a_rule_that_no_design_can_keep_is_named() -> None:
    narrow = rules(rules=OWN | {"gc": {"low": 0.51, "high": 0.52}})
    with pytest.raises(InputError, match=r"^synthesis: no window of 10 letters has a GC content"):
        build_rules(narrow, SequenceSpace(DNA, 10))
    wrong = rules(rules=OWN | {"gc": {"low": 0.0, "high": 0.2, "window": 4}}, **ADAPTERS)
    space = SequenceSpace(DNA, 30)
    with pytest.raises(InputError, match="no design"):
        feasible_starts(space, build_rules(wrong, space), 1, torch_generator(0))
