"""How designs are written: alphabets, formulas, elements, process variables. No PyTorch."""

from designlib.notation.alphabets import (
    ALPHABETS,
    BINARY,
    DNA,
    PROTEIN,
    RNA,
    Alphabet,
    iupac_letters,
)
from designlib.notation.chemistry import compound_verdict, require_smact
from designlib.notation.elements import PROPERTIES, molar_mass
from designlib.notation.formulas import ELEMENTS, element_shares, format_formula, parse_formula
from designlib.notation.variables import Choice, Quantity, as_text

__all__ = [
    "ALPHABETS",
    "BINARY",
    "DNA",
    "ELEMENTS",
    "PROPERTIES",
    "PROTEIN",
    "RNA",
    "Alphabet",
    "Choice",
    "Quantity",
    "as_text",
    "compound_verdict",
    "element_shares",
    "format_formula",
    "iupac_letters",
    "molar_mass",
    "parse_formula",
    "require_smact",
]
