"""Recipe sheets: masses by hand, and what cannot be weighed out."""

import pytest
from pydantic import ValidationError

from designlib.candidates.recipes import check_recipe, recipe_sheet
from designlib.config.recipes import Precursor, RecipeConfig
from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import InputError

BLEND = SimplexSpace(("PCE10", "P3HT"), grid_steps=50)
OXIDE = SimplexSpace(("O", "Cu", "Ba"), grid_steps=100)
CARBONATE = Precursor(component="Ba", formula="BaCO3")


def test_shares_of_mass_are_weighed_out_as_they_are():
    sheet = recipe_sheet(["PCE10=0.3, P3HT=0.7", "P3HT=1"], BLEND, RecipeConfig(sample_mass=0.02))
    assert sheet["PCE10 (g)"].tolist() == [0.006, 0.0]
    assert sheet["P3HT (g)"].tolist() == [0.014, 0.02]
    assert sheet["total (g)"].tolist() == [0.02, 0.02]


def test_shares_of_atoms_become_masses():
    # One mole of atoms: 0.5 O of 15.999, 0.3 Cu of 63.546 and 0.2 Ba of 137.327 g/mol.
    config = RecipeConfig(amounts_are="atoms", sample_mass=10)
    sheet = recipe_sheet(["O=0.5, Cu=0.3, Ba=0.2"], OXIDE, config)
    masses = [0.5 * 15.999, 0.3 * 63.546, 0.2 * 137.327]
    expected = [10 * mass / sum(masses) for mass in masses]
    row = sheet.iloc[0]
    assert row["formula"] == "O0.5Cu0.3Ba0.2"
    assert row[["O (g)", "Cu (g)", "Ba (g)"]].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_precursor_brings_its_element():
    config = RecipeConfig(
        amounts_are="atoms",
        precursors=(CARBONATE, Precursor(component="Cu", formula="Cu2O")),
    )
    sheet = recipe_sheet(["Cu=0.5, Ba=0.5"], OXIDE, config)
    carbonate, oxide = 137.327 + 12.011 + 3 * 15.999, (2 * 63.546 + 15.999) / 2
    row = sheet.iloc[0]
    assert row["BaCO3 for Ba (g)"] == pytest.approx(carbonate / (carbonate + oxide), abs=1e-5)
    assert row["Cu2O for Cu (g)"] == pytest.approx(oxide / (carbonate + oxide), abs=1e-5)
    assert row["total (g)"] == 1.0


@pytest.mark.parametrize(
    ("config", "space", "message"),
    [
        (RecipeConfig(amounts_are="atoms"), BLEND, "'PCE10' is no element"),
        (RecipeConfig(precursors=(CARBONATE,)), OXIDE, "these need amounts_are: atoms"),
        (RecipeConfig(sample_mass=2), SequenceSpace(DNA, 4), "sequences are not weighed out"),
        (
            RecipeConfig(amounts_are="atoms", precursors=(CARBONATE, CARBONATE)),
            OXIDE,
            "given two substances",
        ),
        (
            RecipeConfig(
                amounts_are="atoms", precursors=(Precursor(component="Fe", formula="Fe2O3"),)
            ),
            OXIDE,
            "entry 1: there is no component 'Fe'",
        ),
        (
            RecipeConfig(
                amounts_are="atoms", precursors=(Precursor(component="Ba", formula="CuO"),)
            ),
            OXIDE,
            "CuO has no Ba in it",
        ),
    ],
)
def test_a_recipe_that_cannot_be_written_is_refused(config, space, message):
    with pytest.raises(InputError, match=message):
        check_recipe(config, space)


@pytest.mark.parametrize("formula", ["BaCO", "Ba(CO3", "Xx2", "Cf2O3"])
def test_a_precursor_is_a_formula_of_known_weight(formula):
    if formula == "BaCO":
        assert Precursor(component="Ba", formula=formula).formula == formula
        return
    with pytest.raises(ValidationError, match=r"not closed|no element|not known"):
        Precursor(component="Ba", formula=formula)


def test_nothing_is_asked_of_sequences():
    check_recipe(RecipeConfig(), SequenceSpace(DNA, 4))
