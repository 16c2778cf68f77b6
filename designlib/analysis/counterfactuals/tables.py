"""Counterfactuals as tables: one row each, and how often everything is edited."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.analysis.counterfactuals.edits import edit_names
from designlib.analysis.counterfactuals.search import Found
from designlib.spaces import DesignSpace, SequenceSpace, changes, edits

_AGREES = 0.5
"""Share of the predicted change that the validation model has to predict as well."""


def counterfactual_rows(
    space: DesignSpace,
    found: Mapping[str, Found],
    predicted: Mapping[str, float],
    validation: Mapping[str, float] | None,
) -> pd.DataFrame:
    """Return one row for each counterfactual.

    ``predicted`` and ``validation`` have the predictions of all designs, in the units of the table.
    Columns: design, counterfactual, edits, n_edits, share (of the sampled states that became it),
    predicted_before, predicted_after, change, and where there is a validation model
    validation_change and validation_agrees: whether it sees at least half of the change.
    """
    tell = edits if isinstance(space, SequenceSpace) else changes
    rows = []
    for design, sample in found.items():
        numbers, shares = sample.edited.sum(1).tolist(), sample.share.tolist()
        for other, number, share in zip(space.decode(sample.designs), numbers, shares, strict=True):
            change = predicted[other] - predicted[design]
            row = {
                "design": design,
                "counterfactual": other,
                "edits": tell(design, other).text,
                "n_edits": number,
                "share": share,
                "predicted_before": predicted[design],
                "predicted_after": predicted[other],
                "change": change,
            }
            if validation is not None:
                seen = validation[other] - validation[design]
                row |= {
                    "validation_change": seen,
                    "validation_agrees": bool(seen * np.sign(change) >= _AGREES * abs(change)),
                }
            rows.append(row)
    return pd.DataFrame(rows)


def edit_shares(space: DesignSpace, found: Mapping[str, Found]) -> pd.DataFrame:
    """Return in which share of the samples each position or variable is edited.

    Columns: what, edited (mean over the designs that had to be edited and could be), the most
    edited first, then in order. A shortcut of the predictor stands out here.
    """
    names = edit_names(space)
    shares: list[Float[np.ndarray, "names"]] = [
        (sample.edited.double() * sample.share[:, None]).sum(0).numpy()
        for sample in found.values()
        if len(sample.designs) and bool(sample.edited.any())
    ]
    mean = np.mean(shares, axis=0) if shares else np.zeros(len(names))
    frame = pd.DataFrame({"what": names, "edited": mean})
    return frame.sort_values("edited", ascending=False, kind="stable").reset_index(drop=True)
