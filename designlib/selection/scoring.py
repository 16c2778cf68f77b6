"""Scores of designs: predictions of each objective, the nearest measured design, and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from designlib.config import ChemistryCheck
from designlib.constraints import AllOf, chemistry_verdicts
from designlib.predictors import Trajectory, evaluate
from designlib.selection.oracles import Oracle
from designlib.spaces import DesignSpace, SequenceSpace, encode_table, nearest_measured
from designlib.types import Designs


class ScoreColumns(NamedTuple):
    """Names of the three columns that tables have of one objective."""

    mean: str
    std: str
    validation: str

    @classmethod
    def of(cls, objective: str) -> ScoreColumns:
        """Return the names of an objective's columns; that of the first is the empty text."""
        if not objective:
            return FIRST
        names = (f"objective_{objective}", f"std_{objective}", f"validation_score_{objective}")
        return cls(*names)


FIRST = ScoreColumns("predicted_mean", "predicted_std", "validation_score")
"""Columns of the first objective."""
COMBINED = ScoreColumns("combined_mean", "combined_std", "combined_validation_score")
"""Columns of the one score that combines several objectives."""


_AT_ONCE = 4096
"""Designs that are relaxed at once."""


class Predictors:
    """Trained predictors of one or several objectives, ready to predict."""

    def __init__(self, trained: Sequence[Trajectory], device: torch.device | str = "cpu") -> None:
        self.specs = [member.spec for member in trained]
        self._networks = [member.network(-1, device) for member in trained]
        self._device = device

    def predict(
        self, space: DesignSpace, designs: Designs
    ) -> dict[str, Float[np.ndarray, "members designs"]]:
        """Return what each member predicts in measured units, by objective."""
        rows: dict[str, list[np.ndarray]] = {}
        for spec, network in zip(self.specs, self._networks, strict=True):
            parts = (space.relax(part).to(self._device) for part in designs.split(_AT_ONCE))
            scores = torch.cat([evaluate(network, part) for part in parts]).double().cpu()
            rows.setdefault(spec.column, []).append(spec.in_units(scores).numpy())
        return {objective: np.stack(predicted) for objective, predicted in rows.items()}


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What scores designs; each set of designs is encoded once."""

    space: DesignSpace
    both_strands: bool
    ensemble: Predictors
    validation: Predictors
    """Validation models of the same objectives."""
    measured: Sequence[str]
    """Designs that distances are to."""
    constraint: AllOf
    chemistry: ChemistryCheck | None = None
    oracle: Oracle | None = None

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return designs with the `ScoreColumns` of each objective."""
        return frame.assign(**self._predictions(self._encode(frame)))

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return designs with predictions, the nearest measured design and every verdict.

        Columns: those of `predict`, ``nearest_measured``, ``distance_to_measured``,
        ``constraint_<name>`` ("ok" or what is broken, checked anew on the finished design) and,
        where there is an oracle, ``true_value`` and ``true_percentile``.
        """
        designs = self._encode(frame)
        nearest = nearest_measured(
            self.space, designs, self._measured, both_strands=self.both_strands
        )
        scored = frame.assign(
            **self._predictions(designs),
            nearest_measured=np.array(self.measured, dtype=object)[nearest.row],
            distance_to_measured=nearest.distance,
            **self._verdicts(designs),
        )
        if self.oracle is None:
            return scored
        values = self.oracle.measure(frame["design"].tolist())
        return scored.assign(true_value=values, true_percentile=self.oracle.percentiles(values))

    @cached_property
    def _measured(self) -> Designs:
        return encode_table(self.space, list(self.measured))

    def _encode(self, frame: pd.DataFrame) -> Designs:
        return self.space.encode(frame["design"].tolist())

    def _predictions(self, designs: Designs) -> dict[str, Float[np.ndarray, "designs"]]:
        ensemble = self.ensemble.predict(self.space, designs)
        validation = self.validation.predict(self.space, designs)
        columns: dict[str, np.ndarray] = {}
        for objective, predicted in ensemble.items():
            mean, std = predicted.mean(0), standard_deviation(predicted)
            scores = (mean, std, validation[objective].mean(0))
            columns |= dict(zip(ScoreColumns.of(objective), scores, strict=True))
        return columns

    def _verdicts(self, designs: Designs) -> dict[str, list[str]]:
        verdicts: dict[str, list[str]] = {}
        for member in self.constraint.members:
            # Several members of one name, such as the ranges of two groups, share a column.
            name, reasons = f"constraint_{member.name}", member.violations(designs)
            earlier = verdicts.get(name, [""] * len(reasons))
            pairs = zip(earlier, reasons, strict=True)
            verdicts[name] = ["; ".join(filter(None, both)) for both in pairs]
        if self.chemistry is not None and not isinstance(self.space, SequenceSpace):
            verdicts["constraint_chemistry"] = chemistry_verdicts(
                self.chemistry, self.space, designs
            )
        return {name: [text or "ok" for text in texts] for name, texts in verdicts.items()}


def standard_deviation(
    predicted: Float[np.ndarray, "members designs"],
) -> Float[np.ndarray, "designs"]:
    """Return the sample standard deviation over members; 0 for a single one."""
    return predicted.std(0, ddof=1) if len(predicted) > 1 else np.zeros(predicted.shape[1])
