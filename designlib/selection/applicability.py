"""Whether designs are of the kind that predictors know: disagreement, features, checkpoints.

Three measures say how unusual a design is. Each is compared with what it is for measured designs
that the predictors have not learned from, and the worst of the three decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from designlib.predictors import Trajectory, evaluate, thinned
from designlib.randomness import numpy_generator
from designlib.selection.intervals import calibration_of, intervals
from designlib.selection.scoring import FIRST
from designlib.spaces import DesignSpace
from designlib.types import InputError, Relaxed

CHECKED = ("test", "validation", "validation_model")
"""Folds that the members have not learned from."""

_CHECKPOINTS = 6
_RIDGE = 1e-3
"""Share of the mean variance that is added to each: late checkpoints say nearly the same."""
_BATCH = 4096
_LEARNED, _KNOWN = 1024, 512
"""Designs that stand for those that were learned from, and for those that were not."""


class Unusual(NamedTuple):
    """Measures of how unlike known designs each design is; more is more unusual."""

    std: Float64[np.ndarray, "designs"]
    """Standard deviation of the members' scores."""
    feature_distance: Float64[np.ndarray, "designs"]
    """Distance to the nearest design that was learned from, in what the members compute before
    their last layer, in standard deviations per feature (Sun et al. 2022)."""
    family_energy: Float64[np.ndarray, "designs"]
    """Half the squared Mahalanobis distance of the scores that the checkpoints give a design from
    those that they give to designs that were learned from (Lee et al. 2018): high where a score
    comes about in a way that no known design shows, as by the last checkpoints alone."""


def unusualness(
    members: Sequence[Trajectory],
    learned: Float[Tensor, "learned *shape"],
    designs: Sequence[Float[Tensor, "_ *shape"]],
) -> list[Unusual]:
    """Return the measures of several sets of designs, by the same designs that were learned from.

    Raises InputError where fewer than two designs were learned from.
    """
    if len(learned) < 2:
        raise InputError("applicability needs at least two designs that were learned from")
    final = [member.network(-1) for member in members]
    every = [learned, *designs]
    features = [_features(final, part) for part in every]
    scores = [family_scores(members, part) for part in every]
    stds = [_std(final, part) for part in designs]
    return [
        Unusual(*(column.numpy() for column in columns))
        for columns in zip(
            stds,
            (_nearest(features[0], part) for part in features[1:]),
            (_energy(scores[0], part) for part in scores[1:]),
            strict=True,
        )
    ]


def applicability(designs: Unusual, known: Unusual) -> Float64[np.ndarray, "designs"]:
    """Return the share of known designs that are at least as unusual as each design.

    By each measure a design has a conformal p-value among the ``known`` ones, measured designs that
    nobody learned from (Bates et al. 2023); the smallest of the three is again compared with those
    of the known designs, so that the result is about uniform for designs of their kind. Near 0: the
    predictors have seen nothing like it.
    """
    worst = np.min([_p_values(one, ref) for one, ref in zip(designs, known, strict=True)], axis=0)
    usual = np.min([_p_values(ref, ref) for ref in known], axis=0)
    return _p_values(-worst, -usual)


def confidence_columns(
    batch: pd.DataFrame,
    checked: pd.DataFrame,
    folds: pd.DataFrame,
    space: DesignSpace,
    ensemble: Sequence[Trajectory],
) -> dict[str, np.ndarray]:
    """Return the columns of the candidate table that say how far predictions can be trusted.

    Those of the first objective, by every checkpoint of its ensemble.
    """
    mean, std = batch[FIRST.mean].to_numpy(), batch[FIRST.std].to_numpy()
    low, high = intervals(calibration_of(checked, ensemble[0].spec.transform), mean, std)

    def relaxed(designs: pd.Series) -> Relaxed:
        return space.relax(space.encode(designs.tolist()))

    learned = _some(folds.loc[folds["fold"] == "predictor", "design"], _LEARNED)
    known = _some(checked.loc[checked["fold"] == "validation", "design"], _KNOWN)
    found, usual = unusualness(
        ensemble, relaxed(learned), [relaxed(batch["design"]), relaxed(known)]
    )
    return {
        "interval_low": low,
        "interval_high": high,
        "applicability": applicability(found, usual),
        "feature_distance": found.feature_distance,
        "family_energy": found.family_energy,
    }


def hidden_features(network: nn.Module, relaxed: Relaxed) -> Float[Tensor, "designs features"]:
    """Return what a network hands to its last linear layer, the mean where it does so repeatedly.

    Networks without one, such as programs, have their input as features.
    """
    return torch.cat([_handed(network, part) for part in relaxed.split(_BATCH)])


def family_scores(
    members: Sequence[Trajectory], relaxed: Relaxed
) -> Float64[Tensor, "designs checkpoints"]:
    """Return the mean score of the members at up to six checkpoints, evenly spaced."""
    kept = [Trajectory(m.spec, tuple(thinned(m.states, _CHECKPOINTS))) for m in members]
    columns = [
        torch.stack([evaluate(one.network(index), relaxed).double() for one in kept]).mean(0)
        for index in range(len(kept[0].states))
    ]
    return torch.stack(columns, 1)


def _handed(network: nn.Module, relaxed: Relaxed) -> Tensor:
    seen: dict[nn.Module, list[Tensor]] = {}

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.setdefault(layer, []).append(inputs[0])

    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    hooks = [layer.register_forward_pre_hook(keep) for layer in linear]
    try:
        with torch.no_grad():
            network(relaxed)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        return relaxed.flatten(1)
    # The layer that is called last for the first time; both strands are two calls, or one of
    # twice as many rows.
    rows = torch.cat(list(seen.values())[-1])
    if len(rows) % len(relaxed):
        return relaxed.flatten(1)
    return rows.reshape(-1, len(relaxed), *rows.shape[1:]).mean(0).flatten(1)


def _features(networks: Sequence[nn.Module], relaxed: Relaxed) -> Tensor:
    return torch.cat([hidden_features(network, relaxed) for network in networks], 1).double()


def _std(networks: Sequence[nn.Module], relaxed: Relaxed) -> Tensor:
    if len(networks) < 2:
        return torch.zeros(len(relaxed), dtype=torch.float64)
    return torch.stack([evaluate(network, relaxed).double() for network in networks]).std(0)


def _nearest(learned: Tensor, designs: Tensor) -> Tensor:
    deviation = learned.std(0)
    useful = deviation > 0
    if not bool(useful.any()):
        return torch.zeros(len(designs), dtype=torch.float64)
    known = learned[:, useful] / deviation[useful]
    placed = designs[:, useful] / deviation[useful]
    apart = torch.cat([torch.cdist(part, known).amin(1) for part in placed.split(_BATCH)])
    return apart / known.shape[1] ** 0.5


def _energy(learned: Tensor, designs: Tensor) -> Tensor:
    away = designs - learned.mean(0)
    covariance = torch.atleast_2d(torch.cov(learned.T))
    mean_variance = covariance.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
    ridge = _RIDGE * mean_variance * torch.eye(len(covariance), dtype=torch.float64)
    return 0.5 * (away * torch.linalg.solve(covariance + ridge, away.T).T).sum(1)


def _p_values(
    values: Float64[np.ndarray, "designs"], known: Float64[np.ndarray, "known"]
) -> Float64[np.ndarray, "designs"]:
    """Return (1 + how many known ones are at least as large) / (known + 1)."""
    below = np.searchsorted(np.sort(known), values, side="left")
    return (1 + len(known) - below) / (len(known) + 1)


def _some(designs: pd.Series, number: int) -> pd.Series:
    """Return so many of the designs, drawn without regard to their values; all if there are few."""
    if len(designs) <= number:
        return designs
    drawn = numpy_generator(0, "applicability").choice(len(designs), number, replace=False)
    return designs.iloc[np.sort(drawn)]
