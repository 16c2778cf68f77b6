"""Chemical formulas: the elements and how much there is of each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from designlib.errors import InputError

_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho
Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es
Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""

ELEMENTS = tuple(_SYMBOLS.split())
"""Symbols of all elements in the order of their atomic numbers."""

_KNOWN = frozenset(ELEMENTS)
_OPENING = {")": "(", "]": "[", "}": "{"}
_TOKEN = re.compile(
    r"""(?P<symbol>[A-Z][a-z]?) | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<charge>[-+^\N{MINUS SIGN}])""",
    re.VERBOSE | re.ASCII,
)
_AMOUNT = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


def parse_formula(formula: str) -> dict[str, float]:
    """Return the amount of each element, in the order in which they first appear.

    Amounts may be decimal, brackets of the kinds (), [] and {} may be nested, and what has no
    amount counts once. Elements with an amount of 0 are left out.

    Raises InputError for a charge, an unknown element, brackets that do not match or hold
    nothing, an amount with nothing before it, any other character, or no element at all; the
    message says where.

    Examples
    --------
    >>> parse_formula("Ba0.4K0.6(FeAs)2")
    {'Ba': 0.4, 'K': 0.6, 'Fe': 2.0, 'As': 2.0}
    """
    # The amounts of each bracket that is open, the whole formula first, and where it was opened.
    levels: list[tuple[dict[str, float], int]] = [({}, -1)]
    place = 0
    while place < len(formula):
        token = _TOKEN.match(formula, place)
        if token is None or token["charge"]:
            raise _refusal(formula, place, _reason(formula[place]))
        start, place = place, token.end()
        if token["open"]:
            levels.append(({}, start))
            continue
        if token["close"]:
            part = _close(formula, levels, start)
        elif token["symbol"] in _KNOWN:
            part = {token["symbol"]: 1.0}
        else:
            raise _refusal(formula, start, f"there is no element {token['symbol']}")
        amount = _AMOUNT.match(formula, place)
        place = amount.end() if amount else place
        times, outer = float(amount.group()) if amount else 1.0, levels[-1][0]
        for symbol, inside in part.items():
            outer[symbol] = outer.get(symbol, 0.0) + times * inside
    if len(levels) > 1:
        raise _refusal(formula, levels[-1][1], "this bracket is not closed")
    found = {symbol: amount for symbol, amount in levels[0][0].items() if amount > 0}
    if not found or not math.isfinite(sum(found.values())):
        raise InputError(f"formula {formula!r} has no element with a finite amount above 0")
    return found


def element_shares(formula: str) -> dict[str, float]:
    """Return the share of each element among all atoms; the shares sum to one.

    Raises InputError as `parse_formula` does.

    >>> element_shares("H2O")["O"]
    0.3333333333333333
    """
    amounts = parse_formula(formula)
    total = sum(amounts.values())
    return {symbol: amount / total for symbol, amount in amounts.items()}


def format_formula(amounts: Mapping[str, float]) -> str:
    """Return the canonical formula of amounts: in order of atomic numbers, to six decimals.

    ``parse_formula`` reads it back. Raises InputError for an unknown element, an amount that is
    negative or not finite, and where there is nothing.

    >>> format_formula({"O": 7.0, "Cu": 3.0, "Ba": 2.0, "Y": 1.0, "Fe": 0.0})
    'O7Cu3YBa2'
    """
    for symbol, amount in amounts.items():
        if symbol not in _KNOWN or not 0 <= amount < math.inf:
            raise InputError(
                f"{symbol} {amount:g} cannot be written in a formula; elements with finite amounts "
                "from 0 are accepted"
            )
    # No exponents, which a formula cannot have.
    written = {symbol: f"{amounts[symbol]:.6f}".rstrip("0").rstrip(".") for symbol in amounts}
    parts = [
        symbol + (written[symbol] if written[symbol] != "1" else "")
        for symbol in ELEMENTS
        if written.get(symbol, "0") != "0"
    ]
    if not parts:
        raise InputError("a formula needs at least one element with an amount above 0")
    return "".join(parts)


def _close(
    formula: str, levels: list[tuple[dict[str, float], int]], place: int
) -> dict[str, float]:
    part, opened = levels.pop()
    if not levels or formula[opened] != _OPENING[formula[place]]:
        raise _refusal(formula, place, "no bracket of this kind was opened last")
    if not part:
        raise _refusal(formula, opened, "there is nothing between these brackets")
    return part


def _reason(character: str) -> str:
    if character in "+-^\N{MINUS SIGN}":
        return "charges and amounts such as 7-x are not accepted"
    if character.isdecimal() or character == ".":
        return "an amount follows nothing"
    if character.islower():
        return "an element begins with a capital letter, and an amount is a number"
    return "elements, decimal amounts and brackets are accepted"


def _refusal(formula: str, place: int, reason: str) -> InputError:
    return InputError(f"formula {formula!r}, {formula[place]!r} at position {place + 1}: {reason}")
