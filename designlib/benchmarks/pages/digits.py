"""Sampled digits as a table and a picture, made from their benchmark runs alone."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from designlib.benchmarks.pages.comparison import Drawing, half_interval, names_of
from designlib.benchmarks.problems import sample_grid, unpacked_images
from designlib.reports import panels, to_png

__all__ = ["digits_drawing", "digits_section", "digits_table", "merge_images", "summarise_images"]

_COLUMNS = 10


def merge_images(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Return all runs, the new ones in place of earlier ones of the same images, method, steps."""
    if known is not None:
        of = ["problem", "method", "steps"]
        replaced = pd.MultiIndex.from_frame(known[of]).isin(pd.MultiIndex.from_frame(new[of]))
        new = pd.concat([known[~replaced], new], ignore_index=True)
    order = ["problem", "method", "steps", "seed"]
    return new.sort_values(order, kind="stable").reset_index(drop=True)


def summarise_images(cells: pd.DataFrame) -> pd.DataFrame:
    """Return mean distance and its 95 % interval over seeds, by set of images, method, steps."""
    rows = [
        {
            "problem": problem, "method": method, "steps": steps, "fid": group["fid"].mean(),
            "fid_interval": half_interval(group["fid"]), "seeds": len(group),
        }
        for (problem, method, steps), group in cells.groupby(["problem", "method", "steps"])
    ]  # fmt: skip
    return pd.DataFrame(rows)


def digits_drawing(problem: str, cells: pd.DataFrame) -> Drawing:
    """Return the first samples of the first seed of each method, at each number of steps."""
    caption = f"{problem}: the first samples of each method, chains from random pixels; one seed."
    return Drawing(f"samples-{problem}", caption, partial(_draw, cells))


def _draw(cells: pd.DataFrame) -> bytes:
    first = cells[cells["seed"] == cells["seed"].min()]
    methods = list(dict.fromkeys(first["method"]))
    steps = sorted(first["steps"].unique().tolist())
    figure, axes = panels(len(methods), len(steps), 4.4 * len(steps), 2.1 * len(methods))
    grids = {(row["method"], row["steps"]): row for row in first.to_dict("records")}
    places = [(method, number) for method in methods for number in steps]
    for axis, (method, number) in zip(axes, places, strict=True):
        axis.set_axis_off()
        axis.set_title(f"{method}, {number:,} steps", fontsize=9)
        if (method, number) in grids:
            row = grids[method, number]
            images = unpacked_images(row["shown"], int(row["side"]))
            axis.imshow(sample_grid(images, _COLUMNS), cmap="gray", vmin=0, vmax=255)
    return to_png(figure, 90)


def digits_table(cells: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    """Return the distances of one set of images, and of as many training images."""
    steps = sorted(summary["steps"].unique().tolist())
    known = {(row["method"], row["steps"]): row for row in summary.to_dict("records")}
    ranked = summary[summary["steps"] == steps[-1]].sort_values("fid")
    lines = [
        f"| distance after | {' | '.join(f'{number:,} steps' for number in steps)} | seeds |",
        "|---" * (len(steps) + 2) + "|",
    ]
    for method in dict.fromkeys([*ranked["method"], *summary["method"]]):
        own = [known.get((method, number)) for number in steps]
        told = [_told(row["fid"], row["fid_interval"]) if row is not None else "-" for row in own]
        seeds = max(row["seeds"] for row in own if row is not None)
        lines.append(f"| {method} | {' | '.join(told)} | {seeds} |")
    floor = cells["floor"].drop_duplicates()
    lines.append(f"| training images | {_told(floor.mean(), half_interval(floor))} |")
    return lines


def digits_section(
    problem: str, cells: pd.DataFrame, summary: pd.DataFrame, drawing: Drawing
) -> str:
    """Return the section on one set of images."""
    settings = [
        f"- {method}: "
        + ", ".join(
            f"{told} at {number:,} steps"
            for number, told in group.groupby("steps")["settings"].first().items()
        )
        for method, group in cells.groupby("method")
    ]
    floor, accuracy = (
        _told(values.mean(), half_interval(values))
        for values in (cells["floor"].drop_duplicates(), cells["accuracy"].drop_duplicates())
    )
    images = names_of(sorted(cells["images"].unique().tolist()))
    lines = [
        f"# {problem}: samples of an energy model (Table 5)", "",
        f"Frechet distance of {images} sampled images to the test images, in the features of a "
        f"classifier that is trained here (it names {accuracy} of the test images rightly); "
        f"smaller is better, and as many training images are at {floor}. The model is a restricted "
        "Boltzmann machine trained by persistent contrastive divergence; all methods end at its "
        "own density, and a step changes at most one pixel. Settings are chosen at each number of "
        "steps on another seed. These "
        f"distances compare with each other and with nothing else. Commit "
        f"{names_of(cells['commit'].tolist())}.", "",
        *digits_table(cells, summary), "",
        "Settings:", "",
        *settings, "",
        f"![{drawing.caption}]({drawing.name}.png)",
    ]  # fmt: skip
    return "\n".join(lines)


def _told(value: float, half: float) -> str:
    return f"{value:.3g}" if math.isnan(half) else f"{value:.3g} ± {half:.2g}"
