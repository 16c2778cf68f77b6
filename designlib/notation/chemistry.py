r"""Whether a composition can be neutral, and its anions the electronegative elements, by SMACT.

Oxidation states, electronegativities and the test of Pauling are those of SMACT (Davies et al.,
"SMACT: Semiconducting Materials by Analogy and Chemical Theory", Journal of Open Source Software 4,
1361, 2019), an optional extra. SMACT itself asks for whole numbers of atoms, each element in one
state; steps of a composition are finer. So here an element of mixed valence may be between two
neighbouring states of one sign, as copper in YBa2Cu3O7, and charges balance to a tolerance: with
shares :math:`x_i` and states between :math:`l_i` and :math:`h_i`,

.. math:: \sum_i x_i l_i - t \le 0 \le \sum_i x_i h_i + t.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from designlib.errors import InputError

_TOLERANCE = 0.01
"""Charge that may be left, per atom; it covers amounts rounded to steps of 1 %."""

_MOST_COMBINATIONS = 200_000
_EXTRA = "pip install 'trajectory-design[smact]'"


class _State(NamedTuple):
    """Range of oxidation states of an element."""

    low: int
    high: int


class _Element(NamedTuple):
    states: tuple[_State, ...]
    electronegativity: float | None
    is_metal: bool


def compound_verdict(shares: Mapping[str, float], *, alloys: bool = True) -> str:
    """Return ``ok``, or why a composition with these shares of the atoms is no compound.

    Of a compound the charges balance, and every anion is more electronegative than every cation.
    ``shares`` are those of the atoms, by symbol of the element; with ``alloys``, metals alone pass.

    Raises InputError where SMACT is not installed, or has no state of an element.
    """
    present = {symbol: share for symbol, share in shares.items() if share > 0}
    elements = [_element(symbol) for symbol in present]
    if len(present) < 2 or (alloys and all(element.is_metal for element in elements)):
        return "ok"
    number = math.prod(len(element.states) for element in elements)
    if number > _MOST_COMBINATIONS:
        return f"not decided: {number:,} combinations of oxidation states"
    neutral = False
    for states in _neutral_states(list(present.values()), elements):
        neutral = True
        if _balanced(states, elements):
            return "ok"
    if neutral:
        return "in no neutral state are all anions more electronegative than all cations"
    return "no oxidation states sum to no charge"


def _neutral_states(shares: list[float], elements: list[_Element]) -> Iterator[tuple[_State, ...]]:
    for states in itertools.product(*(element.states for element in elements)):
        low = sum(share * state.low for share, state in zip(shares, states, strict=True))
        high = sum(share * state.high for share, state in zip(shares, states, strict=True))
        if low - _TOLERANCE <= 0 <= high + _TOLERANCE:
            yield states


def require_smact() -> None:
    """Raise InputError that names the extra where SMACT is not installed."""
    if importlib.util.find_spec("smact") is None:
        raise InputError(
            f"chemistry: oxidation states come from SMACT, which is not installed; {_EXTRA}"
        )


@cache
def _element(symbol: str) -> _Element:
    """Return an element's states by SMACT, then those between two neighbours."""
    require_smact()
    import smact  # pyright: ignore[reportMissingImports] - an extra
    from smact.screening import MIXED_VALENCE_ELEMENTS  # pyright: ignore[reportMissingImports] - an extra

    found = smact.Element(symbol)
    charges = sorted(set(found.oxidation_states or ()) - {0})
    if not charges:
        raise InputError(f"chemistry: SMACT knows no oxidation state of {symbol}")
    states = [_State(charge, charge) for charge in charges]
    if symbol in MIXED_VALENCE_ELEMENTS:
        states += [_State(a, b) for a, b in itertools.pairwise(charges) if a * b > 0]
    return _Element(tuple(states), found.pauling_eneg, symbol in smact.metals)


def _balanced(states: tuple[_State, ...], elements: list[_Element]) -> bool:
    """Return whether every anion is more electronegative than every cation."""
    from smact.screening import pauling_test  # pyright: ignore[reportMissingImports] - an extra

    return bool(
        pauling_test(
            [state.low for state in states], [element.electronegativity for element in elements]
        )
    )
