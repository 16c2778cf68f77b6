"""Power by frequency of waves whose spectrum is known."""

import math

import pytest
import torch

from designlib.analysis import line_spectrum, spectral_alignment
from designlib.analysis.spectrum import _lines
from designlib.randomness import torch_generator
from designlib.sampling.targets import NonFiniteScoreError
from designlib.types import InputError

SEGMENT = (torch.tensor([-1.0]), torch.tensor([3.0]))
BOX = (torch.tensor([0.0, -5.0, 100.0]), torch.tensor([1.0, 5.0, 300.0]))


def wave(cycles, phase=0.0):
    """Return a wave with so many cycles along the segment."""
    return lambda points: torch.sin(2 * math.pi * cycles * (points[:, 0] + 1) / 4 + phase)


def generator(seed=0):
    return torch_generator(seed, "lines")


@pytest.mark.parametrize("cycles", [5, 12, 20])
@pytest.mark.parametrize("points", [64, 65])
def test_a_wave_has_its_frequency(cycles, points):
    power = line_spectrum(
        lambda x: 3 * wave(cycles)(x), *SEGMENT, generator(), lines=8, points=points
    )
    assert power.shape == (33,)
    assert power.dtype == torch.float64
    assert int(power.argmax()) == cycles
    # Amplitude 3: mean square 9 / 2, by Hann's window in shares 1/6, 2/3, 1/6.
    expected = 4.5 * torch.tensor([1, 4, 1]) / 6
    torch.testing.assert_close(power[cycles - 1 : cycles + 2].float(), expected, rtol=0.05, atol=0)
    assert float(power.sum()) == pytest.approx(4.5, rel=0.03)


def test_trends_have_no_power():
    power = line_spectrum(lambda x: 7 + x @ torch.tensor([1.0, 2.0, 0.1]), *BOX, generator())
    assert float(power.sum()) < 1e-8


def test_noise_is_flat_and_adds_up_to_its_variance():
    noise = torch_generator(0, "noise")
    power = line_spectrum(
        lambda x: 2 * torch.randn(len(x), generator=noise), *BOX, generator(), 2000, 64
    )
    assert float(power.sum()) == pytest.approx(4, rel=0.05)
    # The trend takes from the lowest frequencies; the last one has one sign only.
    torch.testing.assert_close(power[4:-1], torch.full((28,), 4 / 32).double(), rtol=0.2, atol=0)
    assert float(power[-1]) == pytest.approx(4 / 64, rel=0.2)


def test_lines_are_straight_inside_and_of_unit_length():
    inside = _lines(*BOX, generator(), 500, 32)
    lower, upper = BOX
    assert inside.shape == (500, 32, 3)
    assert ((inside >= lower) & (inside <= upper)).all()
    scaled = (inside - lower) / (upper - lower)
    steps = scaled.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-6, rtol=0)
    torch.testing.assert_close(steps.norm(dim=2), torch.full((500, 31), 1 / 32).double())
    # Directions have no preferred sign or axis, and places are symmetric in the box.
    direction = 32 * steps[:, 0]
    assert (direction.mean(0).abs() < 4 / math.sqrt(3 * 500)).all()
    assert ((direction.square().mean(0) - 1 / 3).abs() < 0.06).all()
    assert (((scaled[:, 0] + scaled[:, 16]).mean(0) - 1).abs() < 0.15).all()


def test_higher_frequencies_in_more_variables():
    scale = BOX[1] - BOX[0]

    def ripple(frequency):
        return lambda x: torch.cos(2 * math.pi * frequency * (x / scale)).sum(1)

    slow, fast = (line_spectrum(ripple(f), *BOX, generator(), 200, 128) for f in (2, 20))
    frequency = torch.arange(65.0).double()
    slow_mean, fast_mean = ((frequency * p).sum() / p.sum() for p in (slow, fast))
    assert fast_mean > 5 * slow_mean
    # No direction sees more cycles per side than the wave has.
    assert fast[23:].sum() < 0.01 * fast.sum()


def test_alignment_of_parts():
    final = lambda x: wave(5)(x) + wave(15)(x) + wave(25)(x)  # noqa: E731 - a formula
    checkpoint = lambda x: 0.9 * wave(5)(x) + 0.2 * wave(15)(x)  # noqa: E731 - a formula
    cosine, learned, energy = spectral_alignment(checkpoint, final, *SEGMENT, generator(), 8, 64)
    torch.testing.assert_close(
        learned[[5, 15, 25]], torch.tensor([0.9, 0.2, 0.0]).double(), atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        cosine[[5, 15]], torch.tensor([1.0, 1.0]).double(), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(energy, line_spectrum(checkpoint, *SEGMENT, generator(), 8, 64))


@pytest.mark.parametrize(("phase", "cosine"), [(0, 1.0), (60, 0.5), (90, 0.0), (180, -1.0)])
def test_phase_counts(phase, cosine):
    shifted = wave(10, math.radians(phase))
    alignment = spectral_alignment(shifted, wave(10), *SEGMENT, generator(), 8, 64)
    assert float(alignment.cosine[10]) == pytest.approx(cosine, abs=1e-3)
    assert float(alignment.learned[10]) == pytest.approx(cosine, abs=1e-3)


def test_alignment_with_itself_and_with_nothing():
    flat = lambda x: torch.full((len(x),), 1234.5)  # noqa: E731 - a formula
    whole = spectral_alignment(wave(10), wave(10), *SEGMENT, generator())
    assert whole.cosine[9:12].tolist() == pytest.approx([1.0] * 3)
    assert whole.learned[9:12].tolist() == pytest.approx([1.0] * 3)
    for pair in ((flat, wave(10)), (wave(10), flat)):
        nothing = spectral_alignment(*pair, *SEGMENT, generator())
        assert nothing.cosine.abs().max() == nothing.learned.abs().max() == 0


def test_the_same_seed_gives_the_same_lines():
    one, other, third = (line_spectrum(wave(3.3), *BOX, generator(s), 4, 16) for s in (0, 0, 1))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_refusals():
    for lines, points in ((0, 64), (3, 3)):
        with pytest.raises(InputError, match=f"{lines} lines of {points} points"):
            line_spectrum(wave(1), *SEGMENT, generator(), lines, points)
    for upper in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="finite limits"):
            line_spectrum(wave(1), torch.zeros(1), torch.tensor([upper]), generator())
    with pytest.raises(InputError, match="one score per design"):
        line_spectrum(lambda x: x, *SEGMENT, generator())
    with pytest.raises(NonFiniteScoreError):
        line_spectrum(lambda x: x[:, 0].log(), *SEGMENT, generator())
