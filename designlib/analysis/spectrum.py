"""Power of a score by frequency along straight lines through a box of continuous variables."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from designlib.analysis.alignment import Alignment, align, predicted_values, rounding_floor
from designlib.types import InputError, Points, Scores

__all__ = ["line_spectrum", "spectral_alignment"]

_BATCH = 4096
_FEWEST_POINTS = 4


def line_spectrum(
    predict: Callable[[Points], Scores],
    lower: Float[Tensor, "variables"],
    upper: Float[Tensor, "variables"],
    generator: torch.Generator,
    lines: int = 64,
    points: int = 128,
) -> Float[Tensor, "frequencies"]:
    """Return a score's mean power along random straight lines, by frequency.

    In coordinates where the box is the unit cube, each line has a uniformly random direction,
    the length 1 and a uniformly random place inside the box. The scores at evenly spaced
    points lose their straight-line trend and are multiplied by Hann's window; the power is
    |rfft|^2, both signs of a frequency together, over the sum of the squared window times
    ``points`` (Welch 1967, IEEE Trans. Audio Electroacoust. 15, 70-73). The window spreads a
    pure wave over the neighbouring frequencies.

    Parameters
    ----------
    predict
        Map from points (designs, variables), in float32 on the CPU, to one score per design.
    lower, upper
        Limits of the box, finite, in the variables' own units.
    generator
        Draws the lines.
    lines
        Number of lines, at least 1.
    points
        Points on each line, at least 4.

    Returns
    -------
    power
        For 0 to points // 2 cycles along a line, that is per side of the box, in float64 and
        score units squared: their sum is the mean square about the trend, under the window.

    Raises
    ------
    InputError
        A number outside its range, a box that is empty or open, or a predictor whose output
        has another shape.
    NonFiniteScoreError
        A score is NaN or infinite.
    """
    waves = _waves(_values(predict, _lines(lower, upper, generator, lines, points)))
    return _mean_product(waves, waves, points)


def spectral_alignment(
    checkpoint: Callable[[Points], Scores],
    final: Callable[[Points], Scores],
    lower: Float[Tensor, "variables"],
    upper: Float[Tensor, "variables"],
    generator: torch.Generator,
    lines: int = 64,
    points: int = 128,
) -> Alignment:
    """Return how far a checkpoint has each frequency of the final predictor.

    Both are evaluated on the same lines; inner products are averaged over the lines before
    they are divided. A wave of the same frequency but another phase has no cosine.

    Parameters
    ----------
    checkpoint, final
        Maps from points (designs, variables), in float32 on the CPU, to one score per design.
    lower, upper, generator, lines, points
        As for ``line_spectrum``.

    Returns
    -------
    Alignment
        For 0 to points // 2 cycles along a line; the energy is the checkpoint's power. A
        frequency whose power could be rounding counts as absent.

    Raises
    ------
    InputError, NonFiniteScoreError
        As for ``line_spectrum``.
    """
    inputs = _lines(lower, upper, generator, lines, points)
    values, final_values = _values(checkpoint, inputs), _values(final, inputs)
    ours, theirs = _waves(values), _waves(final_values)
    return align(
        _mean_product(ours, theirs, points),
        _mean_product(ours, ours, points),
        _mean_product(theirs, theirs, points),
        rounding_floor(values),
        rounding_floor(final_values),
    )


def _lines(
    lower: Float[Tensor, "variables"],
    upper: Float[Tensor, "variables"],
    generator: torch.Generator,
    lines: int,
    points: int,
) -> Float[Tensor, "lines points variables"]:
    """Return evenly spaced points on random lines, the end of a line excluded."""
    if lines < 1 or points < _FEWEST_POINTS:
        raise InputError(
            f"{lines} lines of {points} points were asked for; at least 1 of at least "
            f"{_FEWEST_POINTS} are needed"
        )
    width = upper - lower
    if not (width.isfinite().all() and (width > 0).all()):
        raise InputError("a box needs finite limits, each lower one below its upper one")
    shape = (lines, len(lower))
    direction = torch.randn(shape, generator=generator, dtype=torch.float64)
    direction /= direction.norm(dim=1, keepdim=True)
    # No component is longer than 1, so a line of length 1 fits somewhere in every direction.
    room = 1 - direction.abs()
    place = torch.rand(shape, generator=generator, dtype=torch.float64)
    start = (-direction).clamp(min=0) + room * place
    along = torch.arange(points, dtype=torch.float64) / points
    inside = start[:, None] + along[:, None] * direction[:, None]
    return (lower + width * inside).clamp(lower, upper)


def _values(
    predict: Callable[[Points], Scores], inputs: Float[Tensor, "lines points variables"]
) -> Float[Tensor, "lines points"]:
    batches = inputs.float().flatten(0, 1).split(_BATCH)
    return predicted_values(predict, batches).view(inputs.shape[:2])


def _waves(values: Float[Tensor, "lines points"]) -> Complex[Tensor, "lines frequencies"]:
    """Return the Fourier transform of values without their trend, under the window."""
    points = values.shape[1]
    window = torch.hann_window(points, dtype=torch.float64)
    return torch.fft.rfft(_without_trend(values.double()) * (window / window.norm()))


def _without_trend(values: Float[Tensor, "lines points"]) -> Float[Tensor, "lines points"]:
    """Return what least squares leave of a straight line through the values."""
    slope = torch.arange(values.shape[1], dtype=torch.float64)
    slope -= slope.mean()
    slope /= slope.norm()
    centred = values - values.mean(1, keepdim=True)
    return centred - (centred @ slope)[:, None] * slope


def _mean_product(
    ours: Complex[Tensor, "lines frequencies"],
    theirs: Complex[Tensor, "lines frequencies"],
    points: int,
) -> Float[Tensor, "frequencies"]:
    """Return the real inner product at each frequency, averaged over lines."""
    product = (ours * theirs.conj()).real.mean(0) / points
    # rfft holds one of the two signs of every frequency but 0 and, for an even number, the last.
    product[1 : (points + 1) // 2] *= 2
    return product
