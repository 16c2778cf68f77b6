import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from designlib.notation.alphabets import DNA, PROTEIN
from designlib.selection.clusters import clusters
from designlib.selection.oracles import true_percentile
from designlib.spaces import SequenceSpace, distances
from designlib.spaces.distances import nearest_measured, orient, pairwise_distances
from designlib.spaces.edits import edits
from designlib.types import InputError


def hamming(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def reverse_complement(design: str) -> str:
    return design[::-1].translate(str.maketrans("ACGT", "TGCA"))


def slow_distance(one: str, other: str, both_strands: bool) -> int:
    direct = hamming(one, other)
    return min(direct, hamming(reverse_complement(one), other)) if both_strands else direct


@pytest.mark.parametrize("both_strands", [False, True])
@pytest.mark.parametrize("length", [1, 4, 9])
def test_nearest_is_what_brute_force_finds(length, both_strands, monkeypatch):
    # Blocks far smaller than the data, so that every seam between blocks is crossed.
    monkeypatch.setattr(distances, "_BLOCK", 16 * 4 * length)
    monkeypatch.setattr(distances, "_DESIGN_ROWS", 8)
    space = SequenceSpace(DNA, length)
    generator = torch.Generator().manual_seed(length)
    designs, measured = space.random(37, generator), space.random(101, generator)
    found = nearest_measured(space, designs, measured, both_strands=both_strands)
    table = space.decode(measured)
    for design, row, distance in zip(space.decode(designs), *found, strict=True):
        slow = [slow_distance(design, other, both_strands) for other in table]
        assert distance == min(slow)
        assert row == slow.index(min(slow))  # the lowest row among equals


def test_nearest_of_long_proteins_is_exact():
    space = SequenceSpace(PROTEIN, 300)
    generator = torch.Generator().manual_seed(0)
    measured = space.random(50, generator)
    designs = measured[[49, 3]].clone()
    designs[1, 7] = (designs[1, 7] + 1) % 20
    found = nearest_measured(space, designs, measured)
    assert found.row.tolist() == [49, 3]
    assert found.distance.tolist() == [0, 1]


def test_nearest_needs_a_measured_design():
    space = SequenceSpace(DNA, 4)
    with pytest.raises(InputError, match="at least one measured design"):
        nearest_measured(space, space.encode(["ACGT"]), space.encode([]))


def test_nearest_of_no_design_is_empty():
    space = SequenceSpace(DNA, 4)
    found = nearest_measured(space, space.encode([]), space.encode(["ACGT"]))
    assert len(found.row) == len(found.distance) == 0


def test_both_strands_make_a_reverse_complement_the_same_molecule():
    space = SequenceSpace(DNA, 6)
    found = nearest_measured(
        space, space.encode(["AACCGT"]), space.encode(["ACGGTT"]), both_strands=True
    )
    assert found.distance.tolist() == [0]


def test_both_strands_need_an_alphabet_that_has_them():
    space = SequenceSpace(PROTEIN, 3)
    letters = space.encode(["ACD"])
    with pytest.raises(InputError, match="no complementary strand"):
        nearest_measured(space, letters, letters, both_strands=True)


@pytest.mark.parametrize("both_strands", [False, True])
def test_pairwise_distances_are_what_brute_force_finds(both_strands, monkeypatch):
    monkeypatch.setattr(distances, "_DESIGN_ROWS", 8)
    space = SequenceSpace(DNA, 7)
    letters = space.random(30, torch.Generator().manual_seed(1))
    found = pairwise_distances(space, letters, both_strands=both_strands)
    designs = space.decode(letters)
    slow = [[slow_distance(one, other, both_strands) for other in designs] for one in designs]
    assert (found == np.array(slow)).all()
    assert (found == found.T).all()


def test_no_design_has_no_distances():
    space = SequenceSpace(DNA, 4)
    assert pairwise_distances(space, space.encode([])).shape == (0, 0)


def test_orient_turns_to_the_closer_strand():
    space = SequenceSpace(DNA, 4)
    turned = orient(space, space.encode(["AAAC", "GTTT", "ACGT"]), space.encode(["AAAC"]))
    assert space.decode(turned) == ["AAAC", "AAAC", "ACGT"]


@pytest.mark.parametrize(
    ("parent", "design", "text"),
    [
        ("ACGT", "ACGT", ""),
        ("ACGT", "TCGT", "1A>T"),
        ("A" * 12 + "ACC", "A" * 11 + "GACT", "12A>G;15C>T"),
    ],
)
def test_edits_count_positions_from_one(parent, design, text):
    found = edits(parent, design)
    assert found.text == text
    assert found.number == hamming(parent, design)


def test_edits_need_one_length():
    with pytest.raises(InputError, match="'ACG' has 3 letters and design 'ACGT' has 4"):
        edits("ACG", "ACGT")


@pytest.mark.parametrize("maximise", [True, False])
def test_percentiles_of_a_table_are_its_mid_ranks(maximise):
    values = np.array([3.0, 1.0, 2.0, 2.0, -1.0, 5.0, 2.0])
    ranks = rankdata(values if maximise else -values)
    expected = ranks / len(values) * 100
    assert true_percentile(values, values, maximise=maximise) == pytest.approx(expected)


def test_a_value_outside_the_table_gets_the_share_it_beats():
    found = true_percentile(np.arange(10.0), np.array([-1.0, 4.5, 99.0]))
    assert found.tolist() == [0, 50, 100]


@pytest.mark.parametrize(
    ("values", "x"), [([], [1.0]), ([1.0, float("nan")], [1.0]), ([1.0], [float("nan")])]
)
def test_percentiles_need_known_values(values, x):
    with pytest.raises(InputError, match="percentile"):
        true_percentile(np.array(values, dtype=float), np.array(x))


@pytest.mark.parametrize("both_strands", [False, True])
def test_designs_of_a_cluster_differ_at_no_more_than_a_third(both_strands):
    space = SequenceSpace(DNA, 9)
    letters = space.random(60, torch.Generator().manual_seed(2))
    labels = clusters(space, letters, both_strands=both_strands)
    distances = pairwise_distances(space, letters, both_strands=both_strands)
    for label in np.unique(labels):
        inside = np.flatnonzero(labels == label)
        assert distances[np.ix_(inside, inside)].max() <= 3
    assert len(np.unique(labels)) > 1


def test_clusters_are_numbered_by_first_appearance():
    space = SequenceSpace(DNA, 6)
    letters = space.encode(["TTTTTT", "AAAAAA", "TTTTTA", "CCCCCC", "AAAAAC"])
    assert clusters(space, letters).tolist() == [1, 2, 1, 3, 2]


@pytest.mark.parametrize("designs", [[], ["ACG"]])
def test_few_designs_are_one_cluster(designs):
    space = SequenceSpace(DNA, 3)
    assert clusters(space, space.encode(designs)).tolist() == [1] * len(designs)
