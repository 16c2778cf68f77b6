"""Compositions that can and cannot be neutral, by SMACT, and what is said without it."""

import sys

import pytest

from designlib.constraints.chemistry import check_chemistry, chemistry_verdicts
from designlib.notation import chemistry
from designlib.notation.alphabets import DNA
from designlib.notation.chemistry import compound_verdict, require_smact
from designlib.notation.formulas import element_shares
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import InputError


@pytest.fixture(autouse=True)
def _forget():
    chemistry._element.cache_clear()
    yield
    chemistry._element.cache_clear()


@pytest.fixture
def smact():
    return pytest.importorskip("smact", reason="the extra smact is not installed")


@pytest.mark.parametrize(
    "formula", ["NaCl", "Fe2O3", "Fe3O4", "YBa2Cu3O7", "La1.85Sr0.15CuO4", "TiO2", "FeNi", "Cu"]
)
def test_compounds_and_alloys_pass(smact, formula):
    assert compound_verdict(element_shares(formula)) == "ok"


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("NaCl2", "no oxidation states sum to no charge"),
        ("K3Cl", "no oxidation states sum to no charge"),
        ("Na9O", "no oxidation states sum to no charge"),
    ],
)
def test_what_cannot_be_neutral_is_told(smact, formula, reason):
    assert compound_verdict(element_shares(formula)) == reason


def test_alloys_can_be_excluded(smact):
    assert compound_verdict(element_shares("FeNi"), alloys=False) != "ok"


def test_anions_have_to_be_electronegative(smact, monkeypatch):
    monkeypatch.setattr(chemistry, "_balanced", lambda states, elements: False)
    told = compound_verdict(element_shares("NaCl"))
    assert told == "in no neutral state are all anions more electronegative than all cations"


def test_amounts_rounded_to_steps_stay_neutral(smact):
    space = SimplexSpace(("O", "Fe"), 100)
    designs = space.encode(["O=0.6, Fe=0.4", "O=0.57, Fe=0.43", "O=0.9, Fe=0.1"])
    told = chemistry_verdicts("alloys", space, designs)
    assert told[:2] == ["ok", "ok"]
    assert told[2].startswith("no oxidation states")


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "smact", None)
    with pytest.raises(
        InputError, match=r"not installed; pip install 'trajectory-design\[smact\]'"
    ):
        require_smact()
    with pytest.raises(InputError, match="not installed"):
        compound_verdict({"Na": 0.5, "Cl": 0.5})
    with pytest.raises(InputError, match="not installed"):
        check_chemistry(SimplexSpace(("Fe", "O"), 10))


def test_it_is_for_compositions_of_elements():
    with pytest.raises(InputError, match="'PCBM' is no element"):
        check_chemistry(SimplexSpace(("PCBM", "Fe"), 10))
    with pytest.raises(InputError, match="the designs have no composition"):
        check_chemistry(SequenceSpace(DNA, 8))
