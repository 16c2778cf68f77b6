"""Sampled digits as a table and a picture, made from their benchmark runs alone."""

from __future__ import annotations

from functools import partial

import pandas as pd

from designlib.benchmarks.pages.tables import (
    Drawing,
    markdown_table,
    mean_with_interval,
    names_of,
    settings_text,
    summarise,
    with_interval,
)
from designlib.benchmarks.problems import sample_grid, unpacked_images
from designlib.reports import panels, to_png

_COLUMNS = 10


def image_section(introduction: str, images: pd.DataFrame, folder: str) -> str:
    """Return the section of the front page; figures and details lie in ``folder``."""
    lines, drawings = [introduction], []
    for problem, group in images.groupby("problem"):
        drawings.append(sample_drawing(str(problem), group))
        lines += ["", f"[{problem}]({folder}{problem}.md):", "", *_distances(group)]
    return "\n".join([*lines, "", drawings[-1].link(folder)])


def image_page(problem: str, explained: str, runs: pd.DataFrame) -> str:
    """Return the page on one set of images.

    ``explained`` has places for how many images are sampled, how many of the test images the
    classifier names rightly, and the distance of training images.
    """
    explained = explained.format(
        images=names_of(sorted(runs["images"].unique().tolist())),
        accuracy=mean_with_interval(runs["accuracy"].drop_duplicates()),
        floor=mean_with_interval(runs["floor"].drop_duplicates()),
    )
    settings = [
        f"- {method}: {settings_text(group, 'steps', '{}')}"
        for method, group in runs.groupby("method")
    ]
    parts = [
        f"# {problem}: samples of an energy model (Table 5)",
        f"{explained} Commit {names_of(runs['commit'])}.",
        "\n".join(_distances(runs)),
        "Settings:",
        "\n".join(settings),
        sample_drawing(problem, runs).link(),
    ]
    return "\n\n".join(parts)


def _distances(runs: pd.DataFrame) -> list[str]:
    """Return the distances of one set of images, and of as many training images."""
    summary = summarise("images", runs)
    steps = sorted(summary["steps"].unique().tolist())
    ranked = summary[summary["steps"] == steps[-1]].sort_values("fid")
    by_method = {name: group.set_index("steps") for name, group in summary.groupby("method")}
    rows = [
        [
            method,
            *(
                with_interval(own.loc[number], "fid") if number in own.index else "-"
                for number in steps
            ),
            own["seeds"].max(),
        ]
        for method in dict.fromkeys([*ranked["method"], *summary["method"]])
        for own in (by_method[method],)
    ]
    header = ["distance after", *(f"{number:,} steps" for number in steps), "seeds"]
    floor = mean_with_interval(runs["floor"].drop_duplicates())
    return markdown_table(header, [*rows, ["training images", floor]])


def sample_drawing(problem: str, runs: pd.DataFrame) -> Drawing:
    """Return the first samples of the first seed of each method, at each number of steps."""
    caption = f"{problem}: the first samples of each method, chains from random pixels; one seed."
    return Drawing(f"samples-{problem}", caption, partial(_draw, runs))


def _draw(runs: pd.DataFrame) -> bytes:
    first = runs[runs["seed"] == runs["seed"].min()]
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
