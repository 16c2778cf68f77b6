"""What several objectives have come to: the front of what was measured, and its hypervolume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from designlib.reports.style import BLUE, VERMILION, Picture, legend_above, panels, to_png
from designlib.selection import hypervolume, non_dominated

__all__ = ["front_figure", "fronts_by_round"]

Objectives = Sequence[Mapping[str, Any]]
"""Objectives as a record tells them: name, maximise and reference, the first one first."""


def fronts_by_round(candidates: pd.DataFrame, objectives: Objectives) -> pd.DataFrame:
    """Return what the candidates measured up to each round have come to.

    Columns: round, designs (with every objective measured), on_front, and hypervolume above the
    reference, as a share of the box from it to the best value of each objective in all rounds.
    No rows where there are no objectives, or no candidate has all of them measured.
    """
    if not objectives:
        return pd.DataFrame()
    known = _known(candidates, objectives)
    points = _points(known, objectives)
    reference = np.array([_signed(o, o["reference"]) for o in objectives])
    span = np.maximum(points.max(0) - reference, 0.0) if len(points) else reference
    rows = []
    for number in sorted(known["round"].unique()):
        until = points[(known["round"] <= number).to_numpy()]
        box = float(span.prod())
        rows.append(
            {
                "round": int(number),
                "designs": len(until),
                "on_front": int(non_dominated(until).sum()),
                "hypervolume": hypervolume(until, reference) / box if box > 0 else 0.0,
            }
        )
    return pd.DataFrame(rows)


def front_figure(candidates: pd.DataFrame, objectives: Objectives) -> Picture:
    """Return the first two objectives of all measured candidates, and hypervolume by round."""
    known = _known(candidates, objectives)
    points = _points(known, objectives)
    figure, (above, below) = panels(2, 1, 7.0, 8.6)
    one, two = ([o["name"] for o in objectives[:2]], _columns(objectives)[:2])
    shown = above.scatter(
        known[two[0]], known[two[1]], c=known["round"], s=20, cmap="viridis", vmin=1,
        vmax=max(2, int(candidates["round"].max())), edgecolors="black", linewidths=0.3,
    )  # fmt: skip
    front = known[non_dominated(points)].sort_values(two[0])
    above.plot(
        front[two[0]], front[two[1]], "o--", color=VERMILION, markerfacecolor="none",
        markersize=8, linewidth=1, label="front",
    )  # fmt: skip
    bar = figure.colorbar(shown, ax=above, shrink=0.8, pad=0.02)
    bar.set_label("round", fontsize=9)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    wanted = ["more" if o["maximise"] else "less" for o in objectives[:2]]
    above.set_xlabel(f"measured {one[0]} ({wanted[0]} is better)")
    above.set_ylabel(f"measured {one[1]} ({wanted[1]} is better)")
    legend_above(above)
    told = fronts_by_round(candidates, objectives)
    below.plot(told["round"], told["hypervolume"], "o-", color=BLUE, markersize=5)
    below.set_ylim(0, 1.03)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlabel("round")
    below.set_ylabel("hypervolume of the front so far")
    return Picture(
        "front",
        "The front of the objectives",
        to_png(figure),
        "Above: measured candidates; no other candidate is as good in every objective and better "
        "in one than those on the front. Below: the share that the front dominates of the box "
        "between the median of the first table and the best value of each objective.",
    )


def _known(candidates: pd.DataFrame, objectives: Objectives) -> pd.DataFrame:
    return candidates.dropna(subset=_columns(objectives))


def _columns(objectives: Objectives) -> list[str]:
    return ["measured_value", *(f"measured_{o['name']}" for o in objectives[1:])]


def _points(known: pd.DataFrame, objectives: Objectives) -> Float[np.ndarray, "designs objectives"]:
    columns = zip(_columns(objectives), objectives, strict=True)
    return np.stack([_signed(o, known[c].to_numpy(dtype=np.float64)) for c, o in columns], axis=1)


def _signed(objective: Mapping[str, Any], values: Any) -> Any:
    return values if objective["maximise"] else -values
