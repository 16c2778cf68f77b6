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

import itertools
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from designlib.errors import InputError

__all__ = ["ChemistryRules", "require_smact"]

_MOST_COMBINATIONS = 200_000
_EXTRA = "pip install 'trajectory-design[smact]'"


class _State(NamedTuple):
    """Between which oxidation states an element is."""

    low: int
    high: int


class _Element(NamedTuple):
    states: tuple[_State, ...]
    electronegativity: float | None
    is_metal: bool


class ChemistryRules(BaseModel):
    """What a composition of elements has to keep as a compound; needs the extra smact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    charge_neutral: bool = Field(
        default=True,
        description="Whether some oxidation states of the elements have to sum to no charge.",
    )
    electronegativity: bool = Field(
        default=True,
        description="Whether, in such states, every anion has to be more electronegative than "
        "every cation.",
    )
    alloys: bool = Field(
        default=True, description="Whether compositions of metals alone pass, as alloys."
    )
    tolerance: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Largest charge that may be left, in elementary charges per atom; amounts are "
        "rounded to steps.",
    )

    def verdict(self, shares: Mapping[str, float]) -> str:
        """Return ``ok``, or why a composition with these shares of the atoms is no compound.

        Raises InputError where SMACT is not installed, or knows no state of an element.
        """
        present = {symbol: share for symbol, share in shares.items() if share > 0}
        elements = [_element(symbol) for symbol in present]
        if len(present) < 2 or (self.alloys and all(element.is_metal for element in elements)):
            return "ok"
        number = math.prod(len(element.states) for element in elements)
        if number > _MOST_COMBINATIONS:
            return f"not decided: {number:,} combinations of oxidation states"
        neutral = False
        for states in self._neutral(list(present.values()), elements):
            neutral = True
            if not self.electronegativity or _balanced(states, elements):
                return "ok"
        if neutral:
            return "in no neutral state are all anions more electronegative than all cations"
        return "ok" if not self.charge_neutral else "no oxidation states sum to no charge"

    def _neutral(
        self, shares: list[float], elements: list[_Element]
    ) -> Iterator[tuple[_State, ...]]:
        for states in itertools.product(*(element.states for element in elements)):
            low = sum(share * state.low for share, state in zip(shares, states, strict=True))
            high = sum(share * state.high for share, state in zip(shares, states, strict=True))
            if not self.charge_neutral or low - self.tolerance <= 0 <= high + self.tolerance:
                yield states


def require_smact() -> None:
    """Raise InputError that names the extra where SMACT is not installed."""
    try:
        import smact  # noqa: F401 - asked whether it is there  # pyright: ignore[reportMissingImports] - an extra
    except ImportError:
        raise InputError(
            f"chemistry: oxidation states come from SMACT, which is not installed; {_EXTRA}"
        ) from None


@cache
def _element(symbol: str) -> _Element:
    """Return what SMACT knows of an element; its states, then those between two neighbours."""
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
