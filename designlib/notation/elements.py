"""A short table of properties of the chemical elements from H to Cm.

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

from typing import NamedTuple

from designlib.errors import InputError
from designlib.notation.formulas import parse_formula

__all__ = ["PROPERTIES", "Element", "molar_mass"]

_TABLE = """
H 1.008 31 4.507 13.598 103
He 4.0026 28 1.384 24.587 1
Li 6.94 128 164.1 5.3917 12
Be 9.01218 96 37.74 9.3227 77
B 10.81 84 20.5 8.298 86
C 12.011 73 11.3 11.26 95
N 14.007 71 7.4 14.534 100
O 15.999 66 5.3 13.618 101
F 18.9984 57 3.74 17.423 102
Ne 20.1797 58 2.661 21.565 2
Na 22.9898 166 162.7 5.1391 11
Mg 24.305 141 71.2 7.6462 73
Al 26.9815 121 57.8 5.9858 80
Si 28.085 111 37.3 8.1517 85
P 30.9738 107 25 10.487 90
S 32.06 105 19.4 10.36 94
Cl 35.45 102 14.6 12.968 99
Ar 39.948 106 11.08 15.76 3
K 39.0983 203 289.7 4.3407 10
Ca 40.078 176 160.8 6.1132 16
Sc 44.9559 170 97 6.5615 20
Ti 47.867 160 87 6.8281 51
V 50.9415 153 87 6.7462 54
Cr 51.9961 139 83 6.7665 57
Mn 54.938 150 68 7.434 60
Fe 55.845 142 62 7.9025 61
Co 58.9332 138 55 7.881 64
Ni 58.6934 124 49 7.6399 67
Cu 63.546 132 46.5 7.7264 72
Zn 65.38 122 38.67 9.3942 76
Ga 69.723 122 50 5.9993 81
Ge 72.63 120 40 7.8994 84
As 74.9216 119 30 9.7886 89
Se 78.971 120 28.9 9.7524 93
Br 79.904 120 21 11.814 98
Kr 83.798 116 16.78 14 4
Rb 85.4678 220 319.8 4.1771 9
Sr 87.62 195 197.2 5.6949 15
Y 88.9058 190 162 6.2173 19
Zr 91.224 175 112 6.6341 49
Nb 92.9064 164 98 6.7588 52
Mo 95.95 154 87 7.0924 55
Tc 97.9072 147 79 7.1194 58
Ru 101.07 146 72 7.3605 63
Rh 102.906 142 66 7.4589 66
Pd 106.42 139 26.14 8.3368 69
Ag 107.868 145 55 7.5762 71
Cd 112.414 144 46 8.9938 75
In 114.818 142 65 5.7864 79
Sn 118.71 139 53 7.3439 83
Sb 121.76 139 43 8.6084 88
Te 127.6 138 38 9.0098 92
I 126.904 139 32.9 10.451 97
Xe 131.293 140 27.32 12.13 5
Cs 132.905 244 400.9 3.8939 8
Ba 137.327 215 272 5.2117 14
La 138.905 207 215 5.5769 33
Ce 140.116 204 205 5.5386 32
Pr 140.908 203 216 5.4702 31
Nd 144.242 201 208 5.525 30
Pm 144.913 199 200 5.5819 29
Sm 150.36 198 192 5.6437 28
Eu 151.964 198 184 5.6704 18
Gd 157.25 196 158 6.1498 27
Tb 158.925 194 170 5.8638 26
Dy 162.5 192 163 5.9391 25
Ho 164.93 192 165 6.0215 24
Er 167.259 189 150 6.1077 23
Tm 168.934 190 144 6.1844 22
Yb 173.045 187 139 6.2542 17
Lu 174.967 187 137 5.4259 21
Hf 178.49 175 103 6.8251 50
Ta 180.948 170 74 7.5496 53
W 183.84 162 68 7.864 56
Re 186.207 151 62 7.8335 59
Os 190.23 144 57 8.4382 62
Ir 192.217 141 54 8.967 65
Pt 195.084 136 48 8.9588 68
Au 196.967 136 36 9.2256 70
Hg 200.592 132 33.91 10.438 74
Tl 204.38 145 50 6.1083 78
Pb 207.2 146 47 7.4167 82
Bi 208.98 148 48 7.2855 87
Po 209 140 44 8.4181 91
At 210 150 42 9.3175 96
Rn 222 150 35 10.748 6
Fr 223 260 317.8 4.0727 7
Ra 226 221 246 5.2784 13
Ac 227 215 203 5.3802 48
Th 232.038 206 217 6.3067 47
Pa 231.036 200 154 5.89 46
U 238.029 196 129 6.194 45
Np 237 190 151 6.2655 44
Pu 244 187 132 6.0258 43
Am 243 180 131 5.9738 42
Cm 247 169 144 5.9922 41
"""


class Element(NamedTuple):
    """Properties of one element; units in the description of the module."""

    weight: float
    radius: float
    polarisability: float
    ionisation: float
    pettifor: float


PROPERTIES: dict[str, Element] = {
    symbol: Element(*map(float, numbers))
    for symbol, *numbers in (line.split() for line in _TABLE.strip().splitlines())
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
