"""Formulas: amounts by hand, every refusal with its reason."""

from __future__ import annotations

import csv

import pytest

from designlib.notation.formulas import ELEMENTS, element_shares, format_formula, parse_formula
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("Fe", {"Fe": 1}),
        ("H2O", {"H": 2, "O": 1}),
        ("CO", {"C": 1, "O": 1}),
        ("Co", {"Co": 1}),
        ("La1.71Sr0.29Cu0.94Co0.06O4", {"La": 1.71, "Sr": 0.29, "Cu": 0.94, "Co": 0.06, "O": 4}),
        ("Fe2(SO4)3", {"Fe": 2, "S": 3, "O": 12}),
        ("[Co(NH3)6]Cl3", {"Co": 1, "N": 6, "H": 18, "Cl": 3}),
        ("{[K(Na)0.5]2}.5", {"K": 1, "Na": 0.5}),
        ("CH3CH2OH", {"C": 2, "H": 6, "O": 1}),
        ("Fe0Ni2.", {"Ni": 2}),
        ("(Fe0.5Ni0.5)0(O2)", {"O": 2}),
    ],
)
def test_amounts(formula: str, amounts: dict[str, float]) -> None:
    found = parse_formula(formula)
    assert found == pytest.approx(amounts)
    assert list(found) == list(amounts)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Na+", "'+' at position 3: charges"),
        ("SO4^2-", "position 4: charges"),
        ("O\N{MINUS SIGN}", "position 2: charges"),
        ("YBa2Cu3O7-x", "position 10: charges and amounts such as 7-x"),
        ("FeXx2", "position 3: there is no element Xx"),
        ("D2O", "position 1: there is no element D"),
        ("TI", "no element T"),
        ("fe", "begins with a capital letter"),
        ("O7x", "begins with a capital letter"),
        ("2H2O", "an amount follows nothing"),
        (".5", "an amount follows nothing"),
        ("O1.2.3", "an amount follows nothing"),
        ("(Fe", "'(' at position 1: this bracket is not closed"),
        ("Fe)", "')' at position 3: no bracket of this kind"),
        ("(Fe]2", "']' at position 4: no bracket of this kind"),
        ("Fe()2", "nothing between"),
        ("(2)", "an amount follows nothing"),
        ("Fe 2", "elements, decimal amounts and brackets"),
        ("CuSO4·5H2O", "elements, decimal amounts and brackets"),
        ("O10=z", "elements, decimal amounts and brackets"),
        ("O\N{ARABIC-INDIC DIGIT TWO}", "position 2"),
        ("", "no element"),
        ("Fe0", "no element with a finite amount above 0"),
        ("Fe" + "9" * 400, "no element with a finite amount"),
    ],
)
def test_what_is_refused(formula: str, message: str) -> None:
    with pytest.raises(InputError, match="formula") as caught:
        parse_formula(formula)
    assert message in str(caught.value)


def test_shares_sum_to_one() -> None:
    assert element_shares("Fe2(SO4)3") == pytest.approx({"Fe": 2 / 17, "S": 3 / 17, "O": 12 / 17})
    assert sum(element_shares("Ba0.4K0.6Fe2As2").values()) == pytest.approx(1, abs=1e-15)
    assert element_shares("Mg1B2") == pytest.approx(element_shares("Mg0.5B1"))


def test_the_elements_are_those_of_the_periodic_table() -> None:
    assert len(ELEMENTS) == len(set(ELEMENTS)) == 118
    numbers = {"H": 1, "C": 6, "Fe": 26, "Cu": 29, "Ba": 56, "Lu": 71, "Hg": 80, "U": 92, "Og": 118}
    assert {symbol: ELEMENTS.index(symbol) + 1 for symbol in numbers} == numbers


def test_published_formulas() -> None:
    text = published("superconductor/Supercon_data_Stanev2018.csv").read_text(encoding="utf-8")
    refused = []
    for row in csv.DictReader(text.splitlines()):
        try:
            parse_formula(row["name"])
        except InputError:
            refused.append(row["name"])
    # Deuterium, 7-x, misspelt elements.
    assert len(refused) == 39
    assert {"D0.967Pd1", "Sm1Ba-1Cu3O6.94", "Pd1T0.81"} <= set(refused)


@pytest.mark.parametrize(
    ("formula", "canonical"),
    [
        ("Ba0.4K0.6Fe2As2", "K0.6Fe2As2Ba0.4"),
        ("(CuO)3Ba2Y1", "O3Cu3YBa2"),
        ("H2O", "H2O"),
        ("Fe0.0000005O", "O"),
        ("Fe1000000O", "OFe1000000"),
    ],
)
def test_the_canonical_formula_is_read_back(formula: str, canonical: str) -> None:
    written = format_formula(parse_formula(formula))
    assert written == canonical
    assert format_formula(parse_formula(written)) == canonical


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"Xx": 1.0}, "Xx 1 cannot be written"),
        ({"Fe": -1.0}, "Fe -1 cannot"),
        ({"Fe": float("nan")}, "Fe nan cannot"),
        ({"Fe": 0.0}, "at least one element"),
        ({}, "at least one element"),
    ],
)
def test_amounts_that_are_no_formula(amounts: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        format_formula(amounts)
