"""Compositions as a lab makes them: amounts in percent, and what to weigh out for a sample."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from designlib.config import RecipeConfig
from designlib.notation import PROPERTIES, format_formula, molar_mass, parse_formula
from designlib.spaces import DesignSpace, MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import Designs, InputError, Points

_DIGITS = 5  # 0.01 mg, the resolution of a good balance


def check_recipe(config: RecipeConfig, space: DesignSpace) -> None:
    """Raise InputError for a recipe that cannot be written for the compositions of a space."""
    composition = _composition(space)
    if composition is None:
        if config != RecipeConfig():
            kind = "sequences" if isinstance(space, SequenceSpace) else "settings of variables"
            raise InputError(f"recipe: settings are given, and {kind} are not weighed out")
        return
    space = composition
    if config.amounts_are == "mass":
        if config.precursors:
            raise InputError("recipe.precursors: these need amounts_are: atoms")
        return
    unknown = [name for name in space.components if name not in PROPERTIES]
    if unknown:
        raise InputError(
            f"recipe.amounts_are: {unknown[0]!r} is no element from H to Cm, so that atoms cannot "
            "be turned into masses; take mass"
        )
    for number, precursor in enumerate(config.precursors, start=1):
        where = f"recipe.precursors, entry {number}"
        if precursor.component not in space.components:
            raise InputError(
                f"{where}: there is no component {precursor.component!r}; known are "
                f"{', '.join(space.components)}"
            )
        if precursor.component not in parse_formula(precursor.formula):
            raise InputError(f"{where}: {precursor.formula} has no {precursor.component} in it")
    named = [precursor.component for precursor in config.precursors]
    if len(set(named)) < len(named):
        raise InputError("recipe.precursors: a component is given two substances")


def recipe_sheet(
    designs: Sequence[str], space: SimplexSpace | MixedSpace, config: RecipeConfig
) -> pd.DataFrame:
    """Return what to weigh out for each design, in g to 0.01 mg: a column per substance.

    Amounts of atoms come with the formula of the design. Then come the quantities to set, with
    their units, and the choices. Raises InputError as `check_recipe` does.

    >>> from designlib.config.recipes import Precursor
    >>> space = SimplexSpace(("Ba", "Cu"), grid_steps=10)
    >>> config = RecipeConfig(amounts_are="atoms", precursors=(
    ...     Precursor(component="Ba", formula="BaCO3"),))
    >>> for name, cell in recipe_sheet(["Ba=0.5, Cu=0.5"], space, config).iloc[0].items():
    ...     print(f"{name}: {cell}")
    design: Ba=0.5, Cu=0.5
    formula: Cu0.5Ba0.5
    BaCO3 for Ba (g): 0.75642
    Cu (g): 0.24358
    total (g): 1.0
    """
    check_recipe(config, space)
    encoded = space.encode(designs)
    sheet = pd.DataFrame({"design": list(designs)})
    set_ = pd.DataFrame(_settings(space, encoded))
    composition = _composition(space)
    if composition is None:
        return sheet.join(set_)
    masses = _masses(sheet, composition, encoded[:, : composition.columns], config)
    return masses.join(set_)


def _masses(
    sheet: pd.DataFrame, space: SimplexSpace, designs: Points, config: RecipeConfig
) -> pd.DataFrame:
    """Return the sheet with formulas of atoms and the masses of substances."""
    shares = pd.DataFrame(designs.numpy(), columns=list(space.components))
    masses, names = shares, list(space.components)
    if config.amounts_are == "atoms":
        sheet["formula"] = [
            format_formula({str(name): share for name, share in row.items() if share > 0})
            for row in shares.to_dict("records")
        ]
        substance = {precursor.component: precursor.formula for precursor in config.precursors}
        names = [substance.get(name, name) for name in space.components]
        pairs = zip(names, space.components, strict=True)
        per_atom = [_mass_per_atom(name, element) for name, element in pairs]
        masses = shares * per_atom
    masses = masses.div(masses.sum(axis=1), axis=0) * config.sample_mass
    for name, element in zip(names, space.components, strict=True):
        label = name if name == element else f"{name} for {element}"
        sheet[f"{label} (g)"] = masses[element].round(_DIGITS)
    return sheet.assign(**{"total (g)": masses.sum(axis=1).round(_DIGITS)})


def component_columns(space: DesignSpace, designs: Designs) -> dict[str, list[float] | list[str]]:
    """Return the amount of each component in %, as columns ``component_<name>``.

    Those of a design on a grid sum to 100 exactly. Quantities follow as ``quantity_<name>`` and
    choices as ``choice_<name>``. Nothing for sequences.

    >>> import torch
    >>> space = SimplexSpace(("Fe", "Ni"), grid_steps=10)
    >>> component_columns(space, torch.tensor([[0.3, 0.7]]))
    {'component_Fe': [30.0], 'component_Ni': [70.0]}
    """
    if isinstance(space, SequenceSpace):
        return {}
    if isinstance(space, MixedSpace):
        quantities = {quantity.name for quantity in space.quantities}
        shares = {}
        if space.composition is not None:
            shares = component_columns(space.composition, designs[:, : len(space.components)])
        return shares | {
            f"{'quantity' if name in quantities else 'choice'}_{name}": column
            for name, column in space.values(designs).items()
        }
    if space.grid_steps is None:
        percent = 100 * designs.double()
    else:
        percent = 100 * space.amounts(designs).double() / space.grid_steps
    return {
        f"component_{name}": column
        for name, column in zip(space.components, percent.T.tolist(), strict=True)
    }


def variable_units(space: DesignSpace) -> dict[str, str]:
    """Return the unit of each ``quantity_<name>`` column.

    >>> from designlib.notation.variables import Quantity
    >>> variable_units(MixedSpace(None, (Quantity(name="T", unit="K", low=0, high=9), )))
    {'quantity_T': 'K'}
    """
    quantities = space.quantities if isinstance(space, MixedSpace) else ()
    return {f"quantity_{quantity.name}": quantity.unit for quantity in quantities}


def _settings(
    space: SimplexSpace | MixedSpace, designs: Points
) -> dict[str, list[float] | list[str]]:
    """Return the values of variables under their names with units."""
    if isinstance(space, SimplexSpace):
        return {}
    units = {quantity.name: quantity.unit for quantity in space.quantities}
    return {
        f"{name} ({units[name]})" if units.get(name) else name: column
        for name, column in space.values(designs).items()
    }


def _composition(space: DesignSpace) -> SimplexSpace | None:
    if isinstance(space, MixedSpace):
        return space.composition
    return space if isinstance(space, SimplexSpace) else None


def _mass_per_atom(substance: str, element: str) -> float:
    """Return the mass of a substance that brings one mole of atoms of an element, in g."""
    return molar_mass(substance) / parse_formula(substance)[element]
