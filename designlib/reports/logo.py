"""Sequence logos of the candidates above those of the best measured designs."""

from __future__ import annotations

import math

import logomaker
import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from torch import Tensor

from designlib.notation import Alphabet
from designlib.reports.style import BLUE, GREEN, ORANGE, VERMILION, Picture, panels, to_png
from designlib.spaces import SequenceSpace, orient
from designlib.types import Letters

_PER_ROW = 80
# Letters thinner than this share of the axis cannot be seen, and each takes 5 ms to draw.
_VISIBLE = 0.004

_NUCLEOTIDES = {"A": GREEN, "C": BLUE, "G": ORANGE, "T": VERMILION, "U": VERMILION}
_RESIDUES = {
    **dict.fromkeys("AVLIMFWC", "#222222"),  # hydrophobic
    **dict.fromkeys("STNQYGP", GREEN),  # polar and special
    **dict.fromkeys("KRH", BLUE),  # positive
    **dict.fromkeys("DE", VERMILION),  # negative
}


def logo_figure(
    space: SequenceSpace,
    candidates: Int[Tensor, "candidates sites"],
    reference: Int[Tensor, "reference sites"],
    *,
    both_strands: bool,
    names: tuple[str, str] = ("candidates", "best measured designs"),
) -> Picture:
    """Return the logo of the candidates above that of ``reference``, the best measured designs.

    ``names`` say what the two are, where they are something else.

    With ``both_strands`` every design is shown on the strand that reads closer to the
    first candidate. Sequences longer than 80 letters go over several rows.
    """
    if both_strands:
        towards = candidates[:1]
        candidates = orient(space, candidates, towards)
        reference = orient(space, reference, towards)
    parts = math.ceil(space.length / _PER_ROW)
    # Whole tens, so that every row begins and ticks alike.
    width = space.length if parts == 1 else math.ceil(space.length / parts / 10) * 10
    figure, axes = panels(2 * parts, 1, 7.6 if space.length > 20 else 6.0, 1.0 + 2.6 * parts)
    titles = (
        f"{len(candidates):,} {names[0]}",
        f"{len(reference):,} {names[1]}",
    )
    heights = [information(space, letters) for letters in (candidates, reference)]
    top = max(float(each.sum(1).max()) for each in heights)
    for at, axis in enumerate(axes):
        first = at // 2 * width
        _draw(axis, heights[at % 2][first : first + width], first, space.alphabet)
        axis.set_ylim(0, max(math.ceil(2 * top) / 2, 0.5))
        axis.set_xlim(first + 0.4, first + width + 0.6)
        axis.set_title(titles[at % 2], fontsize=10, loc="left")
    axes[-1].set_xlabel("position (letters, from 1)")
    strand = " Each is shown on the strand that reads closer to the best candidate."
    return Picture(
        "logo",
        f"Sequence logo of the {names[0]} and of the {names[1]}",
        to_png(figure),
        "The height of a stack is how strongly the designs agree at that position, in bits, and "
        "within it each letter's share is how often it occurs; an empty position may hold any "
        f"letter.{strand if both_strands else ''}",
    )


def information(space: SequenceSpace, letters: Letters) -> Float[np.ndarray, "sites letters"]:
    """Return letter heights in bits: frequency x (log2 of the alphabet's size - entropy).

    Schneider and Stephens (1990), without their small-sample correction.
    """
    share = space.relax(letters).mean(0).numpy().astype(np.float64)
    surprise = np.log2(share, where=share > 0, out=np.zeros_like(share))
    content = math.log2(len(space.alphabet)) + (share * surprise).sum(1, keepdims=True)
    return share * content


def _draw(
    axis: Axes, heights: Float[np.ndarray, "sites letters"], first: int, alphabet: Alphabet
) -> None:
    shown = np.where(heights < _VISIBLE * math.log2(len(alphabet)), 0.0, heights)
    positions = np.arange(first + 1, first + len(heights) + 1)
    logomaker.Logo(
        pd.DataFrame(shown, index=positions, columns=list(alphabet.letters)),
        ax=axis,
        color_scheme=_RESIDUES if alphabet.name == "protein" else _NUCLEOTIDES,
        show_spines=False,
    )
    axis.spines[["left", "bottom"]].set_visible(True)
    axis.grid(visible=False)
    axis.set_ylabel("bits", fontsize=9)
    every = next(step for step in (1, 2, 5, 10) if len(heights) <= 16 * step or step == 10)
    axis.set_xticks([int(p) for p in positions if p % every == 0 or p == 1])
