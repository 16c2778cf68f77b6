"""What was learned when, of predictors whose order of learning is known."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from designlib.analysis.data_curve import fit_power_law
from designlib.analysis.order import (
    LearningOrder,
    effect_maps,
    judge_order,
    map_agreement,
    mean_degrees,
    motif_match,
    order_of_learning,
)
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.reports.learning import (
    LearningContent,
    curve_figure,
    learning_order_figure,
    render_learning,
)
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 12)
SMALL = SequenceSpace(DNA, 6)
"""Small enough that its degrees are exact."""
STEPS = (0, 10, 100, 1000)
WEIGHTS = torch.randn(12, 4, generator=torch_generator(0, "weights"))
WEIGHTS -= WEIGHTS.mean(1, keepdim=True)


def singles(x):
    return (x * WEIGHTS[: x.shape[1]]).sum((1, 2))


def pairs(x):
    """Of neighbouring sites alone, without an effect of single ones."""
    centred = x - 0.25
    first = (centred * WEIGHTS[: x.shape[1]]).sum(2)
    return 2 * (first[:, :-1] * first[:, 1:]).sum(1)


def trajectory(of_singles, of_pairs):
    return [
        lambda x, a=a, b=b: a * singles(x) + b * pairs(x)
        for a, b in zip(of_singles, of_pairs, strict=True)
    ]


def order(of_singles, of_pairs):
    generator = torch_generator(0, "subcubes")
    return order_of_learning(trajectory(of_singles, of_pairs), STEPS, SMALL, generator)


def test_coarse_to_fine_is_seen_where_it_is():
    found = order((0.0, 0.8, 1.0, 1.0), (0.0, 0.0, 0.2, 1.0))
    assert found.learned[:, 0].tolist() == pytest.approx([0.0, 0.8, 1.0, 1.0], abs=1e-4)
    assert found.learned[:, 1].tolist() == pytest.approx([0.0, 0.0, 0.2, 1.0], abs=1e-4)
    assert float(found.share[:2].sum()) == pytest.approx(1.0, abs=1e-6)
    assert found.half[0] == pytest.approx(10 * 0.5 / 0.8, abs=0.01)
    assert found.half[1] == pytest.approx(100 + 900 * 0.3 / 0.8, abs=0.1)
    verdict = judge_order(found)
    assert verdict.holds is True
    centroid = mean_degrees(found)
    assert centroid[0] == 0
    assert centroid[1] == pytest.approx(1, abs=1e-4)
    assert centroid[1] < centroid[2] < centroid[3]
    again = LearningOrder.from_plain(
        {
            **found._asdict(),
            **{n: getattr(found, n).tolist() for n in ("learned", "share", "energy")},
        }
    )
    assert judge_order(again) == verdict
    assert "degree 1 at step 6, degree 2 at step 43" in verdict.reason


def test_another_order_is_told_with_what_to_do():
    verdict = judge_order(order((0.0, 0.1, 0.3, 1.0), (0.0, 0.9, 1.0, 1.0)))
    assert verdict.holds is False
    assert "temperatures" in verdict.advice
    assert "function_change" in verdict.advice


def test_without_interactions_there_is_nothing_to_order():
    assert judge_order(order((0.0, 0.5, 1.0, 1.0), (0.0,) * 4)).holds is None


def test_two_checkpoints_are_needed():
    with pytest.raises(InputError, match="at least two checkpoints"):
        order_of_learning([singles], (0,), SPACE, torch_generator(0, "x"))


def test_effects_of_letters_are_those_of_the_weights():
    designs = SPACE.random(5, torch_generator(0, "designs"))
    maps = effect_maps(singles, SPACE, designs)
    own = WEIGHTS.expand(5, -1, -1).gather(2, designs[:, :, None])
    assert torch.allclose(maps, (WEIGHTS - own).double(), atol=1e-5)
    assert map_agreement(maps, maps) == pytest.approx(1.0)
    assert map_agreement(maps, -maps) == pytest.approx(-1.0)
    assert map_agreement(maps * 0, maps) == 0.0


def test_a_motif_is_found_on_either_strand_and_another_is_not():
    motif = 2 * torch.randn(6, 4, generator=torch_generator(1, "motif")).double()
    designs = SPACE.random(8, torch_generator(0, "designs"))
    for planted in (motif, motif.flip(0, 1)):
        weights = torch.zeros(12, 4)
        weights[3:9] = planted.float()
        maps = effect_maps(lambda x, w=weights: (x * w).sum((1, 2)), SPACE, designs)
        assert motif_match(maps, motif) == pytest.approx(1.0, abs=1e-5)
        other = torch.randn(6, 4, generator=torch_generator(2, "motif")).double()
        assert motif_match(maps, other) < 0.9
    assert motif_match(maps, torch.zeros(20, 4)) == 0.0


def test_the_page_has_verdict_figure_and_table():
    found = order((0.0, 0.8, 1.0, 1.0), (0.0, 0.0, 0.2, 1.0))
    table = pd.DataFrame({"step": [0, 10], "degree 1": [0.0, 0.8], "rung": [False, True]})
    curve = pd.DataFrame({"rows": [100, 100, 200, 200, 400, 400],
                          "rank_correlation": [0.5, 0.52, 0.6, 0.61, 0.7, 0.69]})  # fmt: skip
    law = fit_power_law(curve["rows"].tolist(), 1 - curve["rank_correlation"].to_numpy())
    pictures = [learning_order_figure(found, [0, 100]), curve_figure(curve, law)]
    examples = pd.DataFrame(
        {
            "design": ["<i>", "CC"], "value": [1.0, 2.0], "error": [4.25, 0.0],
            "agreement": [-0.5, 0.5], "looks_mislabelled": [True, False],
        }
    )  # fmt: skip
    core = pd.DataFrame({"of": ["core", "all"], "rows": [2, 4],
                         "validation_rank_correlation": [0.5, 0.625]})  # fmt: skip
    content = LearningContent(judge_order(found), table, "HNF1A", examples, core)
    page = render_learning("c<b>", content, pictures)
    assert "From coarse to fine holds" in page
    assert "c&lt;b&gt;" in page
    assert page.count("data:image/png;base64,") == 2
    assert "1 of 2 training rows" in page
    assert "&lt;i&gt;" in page
    assert "4.25" in page
    assert "0.625" in page
    assert "What more measurements are worth" not in page
    assert "0.8" in page
