"""Ledidi: edits of a sequence by gradient descent on a distribution of sequences.

Schreiber, Lu and Noble (2020): logits over the letters of each site are learned through a
straight-through Gumbel softmax, so that the predicted value comes close to a wanted one with few
edits. The package is the authors' own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from designlib.benchmarks.methods.base import (
    EVALUATIONS_PER_PASS,
    Method,
    Outcome,
    Setting,
    passes_of,
)
from designlib.randomness import derive_seed, torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import Letters

_BATCH = 16
"""Sequences that Ledidi draws from one template in every iteration, its own default."""


@dataclass(frozen=True)
class Ledidi(Method):
    """Ledidi on one template for every 16 designs, for as many iterations as the budget allows.

    It knows no constraint: a design that breaks it is given up for its template. It ends early
    where 100 iterations bring nothing.

    Attributes
    ----------
    goal
        The value wanted, in standard deviations of the score above its mean.
    edit_cost
        What an edit costs beside the squared distance to the goal.
    """

    name: str = field(default="Ledidi", init=False, repr=False)
    spaces = (SequenceSpace,)
    package = "ledidi"
    goal: float = 10.0
    edit_cost: float = 0.1

    def run(self, setting: Setting, designs: int, budget: int, seed: int) -> Outcome:
        """Return the best batch of sequences that was drawn from each template."""
        self.require(setting)
        passes_of(budget, 2, self.name)
        groups = -(-designs // _BATCH)
        templates = setting.start(groups, torch_generator(seed, "starts"))
        edited, spent = [], 0
        for group in range(groups):
            size = min(_BATCH, designs - group * _BATCH)
            template, seed_of_group = (
                templates[group : group + 1],
                derive_seed(seed, self.name, group),
            )
            designs_of_group, cost = self._edit(setting, template, size, budget, seed_of_group)
            edited.append(designs_of_group)
            spent += cost
        chosen = torch.cat(edited)
        return Outcome(chosen, setting.score(chosen), float(spent))

    def _edit(
        self,
        setting: Setting,
        template: Int[Tensor, "one sites"],
        size: int,
        budget: int,
        seed: int,
    ) -> tuple[Letters, int]:
        """Return ``size`` edited copies of a template and the evaluations that they cost."""
        # It takes seconds to import, and is not installed everywhere.
        from ledidi import Ledidi as Editor  # pyright: ignore[reportMissingImports] - an extra

        score = _StandardScore(setting)
        one_hot = setting.space.relax(template, setting.dtype).transpose(1, 2)
        editor = Editor(
            score,
            tuple(one_hot.shape[1:]),
            l=self.edit_cost,
            batch_size=size,
            # One evaluation is the template's own.
            max_iter=(size * budget - 1) // (EVALUATIONS_PER_PASS * size),
            verbose=False,
            random_state=seed % 2**63,
        )
        edited = editor.fit_transform(one_hot, one_hot.new_tensor([[self.goal]])).argmax(1)
        if setting.constraint is not None:
            edited = torch.where(setting.constraint.satisfied(edited)[:, None], edited, template)
        return edited, 1 + EVALUATIONS_PER_PASS * (score.rows - 1)


class _StandardScore(nn.Module):
    """The trained predictor as Ledidi takes it: letters before sites, one column of scores.

    The first call is that of the template, which needs no gradient.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        # The predictor is not a part of this module, or Ledidi would change it.
        self._setting = setting
        self._centre = float(setting.reference_scores.mean())
        self.rows = 0

    def forward(
        self, letters: Float[Tensor, "designs letters sites"]
    ) -> Float[Tensor, "designs one"]:
        """Return scores in standard deviations from their mean, and count them."""
        self.rows += len(letters)
        score = self._setting.predictor(letters.transpose(1, 2))
        return ((score - self._centre) / self._setting.spread)[:, None]
