"""Degree-wise energies against known expansions and the textbook's definition."""

from itertools import combinations
from math import comb, prod

import pytest
import torch

from designlib.analysis import degree_alignment, degree_spectrum, learning_order, sampled_spectrum
from designlib.notation.alphabets import BINARY, DNA, PROTEIN, Alphabet
from designlib.randomness import torch_generator
from designlib.sampling.targets import NonFiniteScoreError
from designlib.spaces import SequenceSpace
from designlib.types import InputError

BITS = SequenceSpace(BINARY, 6)
SPACES = [BITS, SequenceSpace(Alphabet("ternary", "abc"), 4), SequenceSpace(DNA, 3)]
LONG = SequenceSpace(BINARY, 40)


def all_designs(space):
    n_letters = len(space.alphabet)
    places = n_letters ** torch.arange(space.length)
    return torch.arange(n_letters**space.length)[:, None] // places % n_letters


def random_values(space, seed=0):
    n_designs = len(space.alphabet) ** space.length
    return torch.randn(n_designs, generator=torch_generator(seed, "values"), dtype=torch.float64)


def signs(one_hot):
    return one_hot[..., 0] - one_hot[..., 1]


def linear(one_hot):
    weights = torch.linspace(-1, 2, one_hot.shape[1])
    return signs(one_hot) @ weights


def pairs(one_hot):
    s = signs(one_hot)
    return s[:, :-1].mul(s[:, 1:]).sum(1) / 3


def parity(one_hot):
    return signs(one_hot).prod(1)


def conditional_mean(values, space, sites):
    """Return E[f | letters at sites] for every design."""
    designs = all_designs(space)[:, list(sites)]
    same = (designs[:, None] == designs[None]).all(2).double()
    return same @ values / same.sum(1)


def efron_stein(values, space):
    """Return the component of every degree as a function, by inclusion and exclusion."""
    components = torch.zeros(space.length + 1, len(values), dtype=torch.float64)
    for size in range(space.length + 1):
        for subset in combinations(range(space.length), size):
            for smaller in range(size + 1):
                for part in combinations(subset, smaller):
                    sign = (-1) ** (size - smaller)
                    components[size] += sign * conditional_mean(values, space, part)
    return components


@pytest.fixture(params=SPACES, ids=lambda space: space.alphabet.name)
def space(request):
    """A small space."""
    return request.param


def test_parity_linear_and_pairs():
    one_hot = BITS.relax(all_designs(BITS), torch.float64)
    unit = torch.eye(7, dtype=torch.float64)
    torch.testing.assert_close(degree_spectrum(parity(one_hot), BITS), unit[6])
    plane = signs(one_hot) @ torch.arange(6.0).double() + 3
    torch.testing.assert_close(degree_spectrum(plane, BITS), 9 * unit[0] + 55 * unit[1])
    torch.testing.assert_close(degree_spectrum(pairs(one_hot), BITS), 5 / 9 * unit[2])


def test_needle(space):
    designs = all_designs(space)
    needle = (designs == designs[17]).all(1).double()
    share, length = 1 / len(space.alphabet), space.length
    energy = [
        comb(length, k) * share ** (2 * (length - k)) * (share * (1 - share)) ** k
        for k in range(length + 1)
    ]
    torch.testing.assert_close(degree_spectrum(needle, space), torch.tensor(energy).double())


def test_order_of_sites_and_letters(space):
    """A score of one site has degree 1, whichever site and letter; of two sites 2."""
    designs = all_designs(space)
    for site in range(space.length):
        spectrum = degree_spectrum((designs[:, site] == 1).double(), space)
        assert spectrum[2:].abs().max() < 1e-30
    both = ((designs[:, 0] == 1) & (designs[:, -1] == 0)).double()
    spectrum = degree_spectrum(both, space)
    assert spectrum[3:].abs().max() < 1e-30
    assert spectrum[2] > 0.01


def test_parseval(space):
    values = random_values(space) + 2
    spectrum = degree_spectrum(values, space)
    assert float(spectrum.sum()) == pytest.approx(float(values.square().mean()))
    assert float(spectrum[1:].sum()) == pytest.approx(float(values.var(correction=0)))
    assert float(spectrum[0]) == pytest.approx(float(values.mean()) ** 2)


def test_energies_are_those_of_efron_and_stein(space):
    values = random_values(space)
    components = efron_stein(values, space)
    torch.testing.assert_close(components.sum(0), values)
    gram = components @ components.T / len(values)
    torch.testing.assert_close(gram, gram.diag().diag(), atol=1e-12, rtol=0)
    torch.testing.assert_close(degree_spectrum(values, space), gram.diag())


def test_alignment_is_that_of_efron_and_stein(space):
    one, other = random_values(space), random_values(space, 1)
    ours, theirs = efron_stein(one, space), efron_stein(other, space)
    cosine, learned, energy = degree_alignment(one, other, space)
    cross = (ours * theirs).sum(1)
    torch.testing.assert_close(cosine, cross / ours.norm(dim=1) / theirs.norm(dim=1))
    torch.testing.assert_close(learned, cross / theirs.square().sum(1))
    torch.testing.assert_close(energy, degree_spectrum(one, space))


def test_alignment_of_a_part():
    final = random_values(BITS)
    components = efron_stein(final, BITS)
    shares = torch.tensor([1.0, 0.9, 0.5, 0.1, 0.0, -0.2, 2.0]).double()
    cosine, learned, _ = degree_alignment(shares @ components, final, BITS)
    torch.testing.assert_close(learned, shares)
    torch.testing.assert_close(cosine, shares.sign())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_absent_degrees_count_nothing(dtype):
    one_hot = BITS.relax(all_designs(BITS), dtype)
    checkpoint, final = linear(one_hot.float()).to(dtype) + 100, parity(one_hot) / 3
    for alignment in (
        degree_alignment(checkpoint, final, BITS),
        degree_alignment(final, checkpoint, BITS),
    ):
        assert alignment.cosine.tolist() == alignment.learned.tolist() == [0.0] * 7
    assert degree_alignment(final, final, BITS).cosine.tolist() == [0.0] * 6 + [1.0]


def test_batches_of_values():
    values = torch.stack([random_values(BITS, seed) for seed in range(6)]).view(2, 3, -1)
    spectra = degree_spectrum(values, BITS)
    assert spectra.shape == (2, 3, 7)
    torch.testing.assert_close(spectra[1, 2], degree_spectrum(values[1, 2], BITS))


def test_spectrum_of_subcubes_of_parity():
    spectrum = sampled_spectrum(parity, LONG, torch_generator(0, "cubes"), 20, 4, 2)
    torch.testing.assert_close(spectrum, torch.eye(5).double()[4])


@pytest.mark.parametrize("letters", [4, 3])
def test_subcubes_vary_their_sites_over_their_letters(letters):
    seen = []

    def keep(one_hot):
        seen.append(one_hot.argmax(2))
        return one_hot.sum((1, 2))

    dna = SequenceSpace(DNA, 30)
    sampled_spectrum(keep, dna, torch_generator(0, "cubes"), 50, 3, letters)
    cubes = torch.cat(seen).view(50, letters**3, 30)
    varied = (cubes != cubes[:, :1]).any(1)
    assert varied.sum(1).tolist() == [3] * 50
    assert varied.any(0).all(), "some site is never varied"
    for cube, sites in zip(cubes, varied, strict=True):
        taken = [column.unique() for column in cube[:, sites].T]
        assert [len(each) for each in taken] == [letters] * 3
        numbers = all_designs(SequenceSpace(Alphabet("taken", "ACGT"[:letters]), 3))
        expected = torch.stack([each[n] for each, n in zip(taken, numbers.T, strict=True)], 1)
        assert torch.equal(cube[:, sites], expected)
    # Backgrounds are uniform: 4 letters at 27 x 50 fixed sites.
    counts = cubes[:, 0].masked_fill(varied, -1).flatten().add(1).bincount()[1:]
    assert ((counts - 337.5).abs() < 5 * 16).all()


def test_mean_spectrum_of_subcubes_is_smeared_as_documented():
    values, places = random_values(BITS), 2 ** torch.arange(6)
    table = values.float()
    spectra = torch.stack(
        [
            sampled_spectrum(
                lambda one_hot: table[one_hot.argmax(2) @ places],
                BITS, torch_generator(seed, "cubes"), 300, 3, 2,
            )
            for seed in range(40)
        ]
    )  # fmt: skip
    whole = degree_spectrum(values, BITS)
    share = [[comb(j, k) * comb(6 - j, 3 - k) / comb(6, 3) for j in range(7)] for k in range(4)]
    expected = torch.tensor(share).double() @ whole
    error = spectra.std(0) / len(spectra) ** 0.5
    assert ((spectra.mean(0) - expected).abs() < 4 * error).all()


def peptide_score(space, seed):
    """Return a score of a protein with single sites, pairs and more, as a table of all designs."""
    values = random_values(space, seed)
    designs = all_designs(space)
    weights = torch.randn(space.length, 20, generator=torch_generator(seed, "w")).double()
    sites = [weights[site, designs[:, site]] for site in range(space.length)]
    return values + sum(sites) + sites[0] * sites[1]


@pytest.mark.parametrize("letters", [2, 5])
def test_spectrum_from_few_letters_is_unbiased_against_full_enumeration(letters):
    space, places = SequenceSpace(PROTEIN, 3), 20 ** torch.arange(3)
    values = peptide_score(space, 0)
    spectra = torch.stack(
        [
            sampled_spectrum(
                lambda one_hot: values[one_hot.argmax(2) @ places],
                space, torch_generator(seed, "cubes"), 30, 3, letters,
            )
            for seed in range(40)
        ]
    )  # fmt: skip
    error = spectra.std(0) / len(spectra) ** 0.5
    whole = degree_spectrum(values, space)
    assert ((spectra.mean(0) - whole).abs() < 4 * error).all()
    assert float(error[1:].max()) < 0.1 * float(whole[1:].sum()), "too noisy to show anything"


def test_learning_order_of_a_protein_too_large_to_list():
    """Both kinds of its components are learned by halves; a share is a ratio of the same draws."""
    space = SequenceSpace(PROTEIN, 12)
    weights = torch.randn(12, 20, generator=torch_generator(0, "w"))
    seen = []

    def final(one_hot):
        seen.append(len(one_hot))
        sites = (one_hot * weights).sum(2)
        return sites.sum(1) + sites[:, :-1].mul(sites[:, 1:]).sum(1)

    order = learning_order([lambda x: final(x) / 2, final], space, torch_generator(0, "c"), 32, 4)
    assert sum(seen) == 2 * 32 * 4**4
    torch.testing.assert_close(order.learned[0, 1:3], torch.full((2,), 0.5).double())
    torch.testing.assert_close(order.learned[1, 1:3], torch.ones(2).double())


def test_learning_order_is_exact_where_all_designs_can_be_listed():
    predictors = [lambda x: linear(x) * 0.5, linear, lambda x: linear(x) + pairs(x) + parity(x)]
    order = learning_order(predictors, BITS, torch_generator(0, "unused"))
    learned = [[0, 0.5, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0, 1]]
    torch.testing.assert_close(order.learned, torch.tensor(learned).double())
    torch.testing.assert_close(order.cosine, torch.tensor(learned).double().ceil())
    one_hot = BITS.relax(all_designs(BITS))
    for row, predict in enumerate(predictors):
        single = degree_alignment(predict(one_hot), predictors[-1](one_hot), BITS)
        for part, expected in zip(order, single, strict=True):
            torch.testing.assert_close(part[row], expected)


def test_learning_order_of_a_long_space():
    predictors = [lambda x: linear(x) * 0.5, lambda x: linear(x) + pairs(x)]
    order = learning_order(predictors, LONG, torch_generator(0, "cubes"), 2000, 4)
    assert order.learned.shape == (2, 5)
    # A pair counts for degree 2 where both of its sites are varied, in 12 of
    # 40 * 39 sub-cubes, and for degree 1 where one is, in 2 * 4 * 36.
    weights = torch.linspace(-1, 2, 40).double().square().sum() * 4 / 40
    first = weights + 39 / 9 * 2 * 4 * 36 / (40 * 39)
    assert float(order.learned[0, 1]) == pytest.approx(float(0.5 * weights / first), rel=0.05)
    assert float(order.energy[1, 1]) == pytest.approx(float(first), rel=0.05)
    assert float(order.energy[1, 2]) == pytest.approx(39 / 9 * 12 / (40 * 39), rel=0.2)
    assert order.learned[0, 2:].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    torch.testing.assert_close(order.learned[1], torch.tensor([1.0, 1, 1, 0, 0]).double())
    torch.testing.assert_close(order.cosine[1], torch.tensor([1.0, 1, 1, 0, 0]).double())


def test_learning_order_repeats_itself():
    one, other = (
        learning_order([linear, pairs], LONG, torch_generator(0, "cubes"), 10, 3) for _ in "ab"
    )
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_training_learns_low_degrees_first(members):
    """A predictor of a sum of letters knows degree 1 and no more, once it is trained."""
    member = members[0]
    networks = [member.network(index) for index in range(len(member.steps))]
    order = learning_order(networks, member.spec.space, torch_generator(0, "unused"))
    assert order.learned.shape == (len(networks), 7)
    torch.testing.assert_close(order.learned[-1], torch.ones(7).double())
    assert order.energy[-1, 1] > 10 * order.energy[-1, 2:].sum()
    assert order.learned[0, 1] < 0.2


def test_large_spaces_are_asked_in_batches():
    space, rows = SequenceSpace(DNA, 7), []

    def count(one_hot):
        assert not one_hot.requires_grad
        rows.append(len(one_hot))
        return one_hot[:, 0, 0]

    learning_order([count], space, torch_generator(0, "unused"))
    assert max(rows) <= 4096
    assert sum(rows) == 4**7


def test_refusals():
    values, generator = random_values(BITS), torch_generator(0, "cubes")
    with pytest.raises(InputError, match="63 values for a space of 64 designs"):
        degree_spectrum(values[:63], BITS)
    with pytest.raises(InputError, match=r"2 letters at 40 sites make 1\.1e\+12 designs"):
        degree_spectrum(values, LONG)
    bad = values.clone()
    bad[5] = torch.nan
    for pair in ((bad, values), (values, bad)):
        with pytest.raises(InputError, match="NaN"):
            degree_alignment(*pair, BITS)
    with pytest.raises(InputError, match="at least one predictor"):
        learning_order([], BITS, generator)
    for cubes, sites, letters, message in (
        (0, 3, 2, "0 sub-cubes"),
        (1, 0, 2, "sub-cubes of 0 sites"),
        (1, 41, 2, "sub-cubes of 41 sites .* 1 to 40 sites"),
        (1, 21, 2, "at most 1048576"),
        (1, 3, 1, "with 1 letters each; .* 2 letters"),
    ):
        with pytest.raises(InputError, match=message):
            sampled_spectrum(parity, LONG, generator, cubes, sites, letters)


def test_wrong_predictors():
    generator = torch_generator(0, "cubes")
    with pytest.raises(InputError, match=r"shape \(16, 40\); one score per design, shape \(16,\)"):
        sampled_spectrum(signs, LONG, generator, 1, 4, 2)
    with pytest.raises(NonFiniteScoreError, match="NaN or infinite"):
        learning_order([linear, lambda x: linear(x).log()], LONG, generator)


def test_product_of_sites_needs_no_names():
    """Constant and full degree of a product are the products of those of its sites."""
    space = SPACES[2]
    tables = torch.randn(3, 4, generator=torch_generator(0, "tables"), dtype=torch.float64)
    designs = all_designs(space)
    values = prod(tables[site, designs[:, site]] for site in range(3))
    assert isinstance(values, torch.Tensor)
    means, variances = tables.mean(1), tables.var(1, correction=0)
    spectrum = degree_spectrum(values, space)
    assert float(spectrum[0]) == pytest.approx(float(means.prod()) ** 2)
    assert float(spectrum[3]) == pytest.approx(float(variances.prod()))
