"""Motif tasks: the value by its formula, the optimum reached, nothing above the ceiling shown."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from designlib.analysis.position_weights import Motif, read_motifs
from designlib.benchmarks.problems.base import Solvable, train_trajectory
from designlib.benchmarks.problems.motifs import MotifTask, enhancer, two_motif
from designlib.types import InputError, Letters
from tests.designlib.benchmarks.problems.published import published


@pytest.fixture(scope="module")
def motifs() -> dict[str, Motif]:
    return read_motifs(published("jaspar_liver.txt").read_text(encoding="ascii"))


@pytest.fixture(scope="module")
def task(motifs: dict[str, Motif]) -> MotifTask:
    return replace(two_motif(motifs), library_size=4000, rows=3000)


@pytest.fixture(scope="module")
def long_task(motifs: dict[str, Motif]) -> MotifTask:
    return replace(enhancer(motifs), library_size=500)


@cache
def tables(motif: Motif) -> tuple[list[list[float]], float]:
    return motif.probabilities.tolist(), motif.threshold(1e-4)


@cache
def bound(motif: Motif, word: str) -> float:
    probabilities, half = tables(motif)
    score = sum(
        math.log(4 * row["ACGT".index(letter)])
        for row, letter in zip(probabilities, word, strict=True)
    )
    return 1 / (1 + math.exp(half - score))


def value(task: MotifTask, design: str) -> float:
    """The definition, word by word: the strongest windows, and every two that lie side by side."""
    total, best_possible = 0.0, 0.0
    for pair in task.modules:
        a, b = (windows(motif, design) for motif in pair)
        both = 0.0
        for p, q in itertools.product(range(len(a)), range(len(b))):
            gap = q - p - pair[0].length if p < q else p - q - pair[1].length
            if 0 <= gap <= 30:
                both = max(both, a[p] * b[q] * math.exp(-abs(gap - 5) / 20))
        total += max(a) + max(b) + 2 * both
        x, y = (bound(m, consensus(m)) for m in pair)
        best_possible += x + y + 2 * x * y
    return total / best_possible


def windows(motif: Motif, design: str) -> list[float]:
    places = range(len(design) - motif.length + 1)
    return [bound(motif, design[p : p + motif.length]) for p in places]


def consensus(motif: Motif) -> str:
    return "".join("ACGT"[letter] for letter in motif.probabilities.argmax(1).tolist())


def best_design(task: MotifTask) -> str:
    """Every module's consensus sites at a gap of 5, one after another."""
    modules = [consensus(a) + "TTCTT" + consensus(b) for a, b in task.modules]
    return "".join(modules).ljust(task.length, "C")


@pytest.mark.parametrize("which", ["task", "long_task"])
def test_values_are_those_of_the_definition(which: str, request: pytest.FixtureRequest) -> None:
    task = request.getfixturevalue(which)
    designs = task.library(1 if which == "long_task" else 4, seed=7)
    strings = task.space.decode(designs)
    assert task.oracle(designs).tolist() == pytest.approx([value(task, s) for s in strings])


@pytest.mark.parametrize("which", ["task", "long_task"])
def test_the_optimum_is_reached_and_never_passed(
    which: str, request: pytest.FixtureRequest
) -> None:
    task: MotifTask = request.getfixturevalue(which)
    best = task.space.encode([best_design(task)])
    assert task.oracle(best).item() == pytest.approx(task.optimum, abs=1e-12)
    assert bool(task.success(best))
    changed = neighbours(best, letters=4)
    if which == "long_task":
        changed = changed[::13]
    assert float(task.oracle(changed).max()) <= task.optimum + 1e-12


def neighbours(design: Letters, letters: int) -> Letters:
    """All designs that differ at one site."""
    length = design.shape[1]
    all_changes = design.repeat(length * letters, 1)
    sites = torch.arange(length).repeat_interleave(letters)
    all_changes[torch.arange(len(sites)), sites] = torch.arange(letters).repeat(length)
    return all_changes


def test_it_is_a_problem_with_a_known_best(task: MotifTask) -> None:
    assert isinstance(task, Solvable)


def test_a_hit_needs_a_site_of_every_motif(task: MotifTask) -> None:
    first, second = task.motifs
    both = consensus(first) + "C" * 20 + consensus(second)
    one = consensus(first) + "C" * 29
    designs = task.space.encode([d.ljust(60, "C") for d in (both, one)])
    assert task.hits(designs).tolist() == [[True, True], [True, False]]
    assert task.success(designs).tolist() == [True, False]
    # Closer is worth more, and the order does not count.
    first_site, second_site = consensus(first), consensus(second)
    arranged = [
        first_site + "C" * 20 + second_site,
        first_site + "C" * 5 + second_site,
        second_site + "C" * 5 + first_site,
    ]
    far, near, swapped = task.oracle(task.space.encode([d.ljust(60, "C") for d in arranged]))
    assert far < near - 0.1
    assert swapped == pytest.approx(near)


def test_random_windows_hit_as_seldom_as_the_threshold_says(task: MotifTask) -> None:
    designs = task.space.random(20_000, torch.Generator().manual_seed(1))
    for column, motif in enumerate(task.motifs):
        expected = 20_000 * (60 - motif.length + 1) * 1e-4
        found = int(task.hits(designs)[:, column].sum())
        assert abs(found - expected) < 5 * math.sqrt(expected)


def test_the_predictor_sees_nothing_above_the_ceiling(task: MotifTask) -> None:
    designs, values = task.training_data(3)
    truth = task.oracle(designs)
    assert task.rows * 0.97 < len(designs) < task.rows
    assert float(truth.max()) <= task.ceiling == np.quantile(task.library_values, 0.99)
    assert 0.9 < float((values - truth).std()) / task.noise < 1.1
    assert abs(float((values - truth).mean())) < 5 * task.noise / math.sqrt(len(values))


def test_data_depend_on_the_seed_alone(task: MotifTask) -> None:
    again = replace(task)
    for ours, theirs in zip(task.training_data(5), again.training_data(5), strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(task.library(50, 0), task.library(50, 1))
    assert (task.library_values == again.library_values).all()


def test_planted_sites_are_those_of_the_motif(motifs: dict[str, Motif]) -> None:
    motif = motifs["HNF1A"]
    task = replace(two_motif(motifs), planted=1.0, length=40)
    found = task.library(3000, 0)
    best = motif.scores(found).argmax(1)
    scores = motif.scores(found).amax(1)
    strong = scores > motif.threshold(1e-4)
    # The sites of a motif score far better than chance, and all over the design.
    assert float(strong.double().mean()) > 0.5
    assert len(best[strong].unique()) == 40 - 13 + 1


def test_percentiles_are_of_the_library(task: MotifTask) -> None:
    designs = task.library(200, 11)
    truth = task.oracle(designs).numpy()
    expected = [(task.library_values <= v).mean() * 100 for v in truth]
    assert task.percentiles(designs) == pytest.approx(np.array(expected), abs=0.1)
    assert task.percentiles(task.space.encode([best_design(task)])) == 100


def test_in_the_ball(motifs: dict[str, Motif]) -> None:
    task = replace(two_motif(motifs, radius=7), library_size=2000)
    assert task.name == "two_motif_ball7"
    assert task.constraint is not None
    reference = task.space.encode([task.reference_design])
    assert not task.hits(reference).any()
    scores = [float(motif.scores(reference).max()) for motif in task.motifs]
    for motif, score in zip(task.motifs, scores, strict=True):
        # A random window reaches this once in 200, so a design of 60 by chance as a rule.
        assert motif.threshold(5e-3) < score < motif.threshold(1e-4)
    far = task.space.encode([best_design(task)])
    assert task.constraint.satisfied(torch.cat([reference, far])).tolist() == [True, False]
    assert task.oracle(far).item() == -math.inf


def test_a_predictor_learns_the_task(task: MotifTask) -> None:
    network = task.training.network.model_copy(update={"width": 16})
    training = task.training.model_copy(update={"steps": 20, "network": network})
    quick = replace(task, rows=400, training=training)
    networks = train_trajectory(quick, 0, checkpoints=4)
    designs = task.library(200, 99)
    first, last = (net(task.space.relax(designs)) for net in (networks[0], networks[-1]))
    assert float(first.std()) < float(last.std())


def test_what_does_not_fit_is_refused(motifs: dict[str, Motif], task: MotifTask) -> None:
    with pytest.raises(InputError, match="27 letters; designs have 20"):
        replace(task, length=20)
    with pytest.raises(InputError, match="no motif of HNF4A"):
        two_motif({"HNF1A": motifs["HNF1A"]})
