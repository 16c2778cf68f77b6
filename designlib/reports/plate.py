"""The picture of a plate: which well holds what."""

from __future__ import annotations

import pandas as pd
from matplotlib.patches import Circle

from designlib.candidates import PLATE_ROLES
from designlib.config import PLATE_FORMATS
from designlib.reports.style import BLUE, GREEN, GREY, ORANGE, Picture, panels, to_png

_COLOURS: dict[str, str] = dict(
    zip(PLATE_ROLES, (BLUE, ORANGE, "#56B4E9", GREY, GREEN), strict=True)
)


def plate_figure(wells: pd.DataFrame, size: int) -> Picture:
    """Return all plates of a batch, one below the other, each well coloured by its role.

    ``wells`` has ``plate``, ``well``, ``role`` and ``label``, a short text such as the rank.
    """
    rows, columns = PLATE_FORMATS[size]
    names = wells["plate"].unique().tolist()
    cell = 0.62 if size == 96 else 0.36
    figure, axes = panels(
        len(names), 1, columns * cell + 1.0, (rows * cell + 1.1) * len(names) + 0.2
    )
    for axis, name in zip(axes, names, strict=True):
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
        for row in range(rows):
            for column in range(columns):
                axis.add_patch(Circle((column, row), 0.42, facecolor="white", edgecolor="#c8ced4"))
        for well in wells[wells["plate"] == name].itertuples():
            place = str(well.well)
            row, column = ord(place[0]) - ord("A"), int(place[1:]) - 1
            colour = _COLOURS[str(well.role)]
            axis.add_patch(Circle((column, row), 0.42, facecolor=colour, edgecolor="black", lw=0.5))
            look = {"ha": "center", "va": "center", "color": "white", "fontweight": "bold"}
            axis.text(column, row, str(well.label), look, fontsize=8 if size == 96 else 5)
        axis.set_xlim(-0.6, columns - 0.4)
        axis.set_ylim(rows - 0.4, -0.6)
        axis.set_aspect("equal")
        axis.xaxis.tick_top()
        axis.set_xticks(range(columns), [str(column + 1) for column in range(columns)])
        axis.set_yticks(range(rows), [chr(ord("A") + row) for row in range(rows)])
        axis.tick_params(length=0)
        axis.set_title(name, fontsize=10, loc="left")
        present = [role for role in PLATE_ROLES if role in set(wells["role"])]
        handles = [Circle((0, 0), 0.4, facecolor=_COLOURS[role], label=role) for role in present]
        place = {"loc": "upper left", "bbox_to_anchor": (0, -0.01), "ncols": len(present)}
        axis.legend(handles=handles, frameon=False, fontsize=9, **place)
    counts = wells["role"].value_counts()
    named = ", ".join(f"{counts[role]} {role}" for role in PLATE_ROLES if role in counts)
    return Picture(
        "plate",
        "Plate map" if len(names) == 1 else f"Plate map, {len(names)} plates",
        to_png(figure),
        f"Wells by their role: {named}. Numbers are ranks; C is a control and R a reference, "
        "a design measured before.",
    )
