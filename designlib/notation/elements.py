"""Properties of the chemical elements from H to Cm, read from ``elements.csv``.

===================  ===========  ==================================================================
property             unit         source
===================  ===========  ==================================================================
atomic weight        g/mol        Meija et al., Pure Appl. Chem. 88, 265 (2016), doi:10.1515/pac-
                                  2015-0305; of the longest-lived isotope where there is none
covalent radius      pm           Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/B801115J;
                                  means over the valences of C and the spins of Mn, Fe and Co
polarisability       bohr^3       Schwerdtfeger and Nagle, Mol. Phys. 117, 1200 (2019),
                                  doi:10.1080/00268976.2018.1535143, 2023 table
ionisation energy    eV           first, NIST Atomic Spectra Database, doi:10.18434/T4W30F
Pettifor number      1            Pettifor, Solid State Commun. 51, 31 (1984),
                                  doi:10.1016/0038-1098(84)90765-8: chemically similar elements have
                                  numbers close to each other
===================  ===========  ==================================================================

The numbers are those of the Python package mendeleev 1.3.0 (MIT, L. Mentel), read by
data/make_element_properties.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from designlib.errors import InputError
from designlib.notation.formulas import parse_formula

_TABLE = Path(__file__).with_name("elements.csv")


class Element(NamedTuple):
    """Properties of one element; units in the description of the module."""

    weight: float
    radius: float
    polarisability: float
    ionisation: float
    pettifor: float


PROPERTIES: dict[str, Element] = {
    symbol: Element(*map(float, numbers))
    for symbol, *numbers in (line.split(",") for line in _TABLE.read_text().splitlines()[1:])
}
"""Properties of each element by its symbol, in the order of atomic numbers."""


def molar_mass(formula: str) -> float:
    """Return the mass of one mole of a substance, in g.

    Raises InputError for a formula that cannot be read and an element without an atomic weight.

    >>> round(molar_mass("Fe2O3"), 2)
    159.69
    """
    amounts = parse_formula(formula)
    for element in amounts:
        if element not in PROPERTIES:
            raise InputError(f"the atomic weight of {element} in {formula} is not known")
    return sum(PROPERTIES[element].weight * amount for element, amount in amounts.items())
