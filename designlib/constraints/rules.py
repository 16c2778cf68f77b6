"""Rules from the settings as constraints on whole designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from designlib.config import Rule
from designlib.constraints.base import Rowwise
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import Conflicts, Designs


class RuleConstraint(Rowwise):
    """Designs that keep a rule, which is evaluated design by design.

    There is no mask: a sampler rejects the proposals that break the rule.

    Parameters
    ----------
    space
        The space of the designs.
    rule
        A `SequenceRule` or a `CompositionRule`, as the designs are.
    name
        Name of its setting.

    Raises
    ------
    InputError
        The rule cannot apply to the letters or components of the space.
    """

    def __init__(self, space: SequenceSpace | SimplexSpace, rule: Rule, name: str) -> None:
        is_sequence = isinstance(space, SequenceSpace)
        rule.check(tuple(space.alphabet.letters) if is_sequence else space.components)
        self.space, self.rule, self.name = space, rule, name
        self._dtype = torch.int64 if is_sequence else torch.float64

    def conflicts(self, designs: Designs) -> Conflicts:
        """Return how far each design is from keeping the rule."""
        excess = [self.rule.excess(design) for design in self._texts(designs)]
        return torch.tensor(excess, dtype=self._dtype, device=designs.device)

    def _sentence(self, row: list[Any]) -> str:
        (design,) = self._texts(torch.tensor([row], dtype=self._dtype))
        return self.rule.message(design)

    def _texts(self, designs: Designs) -> Sequence[str | Mapping[str, float]]:
        if isinstance(self.space, SequenceSpace):
            return self.space.decode(designs)
        names = self.space.components
        return [dict(zip(names, row, strict=True)) for row in designs.tolist()]
