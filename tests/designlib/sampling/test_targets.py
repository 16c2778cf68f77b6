"""Targets: scores, gradients and refusals."""

from dataclasses import replace

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 4)
WEIGHTS = torch.arange(16.0).view(4, 4)
TARGET = Target(lambda relaxed: (relaxed * WEIGHTS).sum((1, 2)) ** 2, SPACE, label="step 12")


def test_scores_and_gradients_are_not_scaled():
    designs = SPACE.encode(["ACGT", "TTTT"])
    for beta in (1.0, 5.0):
        value, gradient, relaxed = replace(TARGET, beta=beta).evaluate(designs)
        total = torch.tensor([0.0 + 5 + 10 + 15, 3 + 7 + 11 + 15])
        assert torch.equal(value, total**2)
        assert torch.equal(gradient, 2 * total[:, None, None] * WEIGHTS)
        assert torch.equal(relaxed, SPACE.relax(designs))
        assert not any(part.requires_grad for part in (value, gradient, relaxed))


def test_one_forward_and_one_backward():
    forwards, backwards = [], []

    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, relaxed):
            forwards.append(1)
            return relaxed.sum((1, 2))

        @staticmethod
        def backward(ctx, *grad_outputs):
            backwards.append(1)
            return grad_outputs[0][:, None, None].expand(-1, 4, 4)

    with torch.no_grad():
        _, gradient, _ = replace(TARGET, predict=Counted.apply).evaluate(SPACE.encode(["ACGT"]))
    assert (len(forwards), len(backwards)) == (1, 1)
    assert gradient.is_contiguous()


def test_dtype():
    double = replace(TARGET, predict=lambda x: x.sum((1, 2)), dtype=torch.float64)
    value, gradient, _ = double.evaluate(SPACE.encode(["ACGT"]))
    assert value.dtype == gradient.dtype == torch.float64


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan"), float("inf")])
def test_beta_must_be_positive(beta):
    with pytest.raises(InputError, match=r"beta is .* at rung 'step 12'; .* positive"):
        replace(TARGET, beta=beta)


def bad_score(number):
    def predict(relaxed):
        score = relaxed.sum((1, 2)) * relaxed[:, 0, 0]
        return torch.where(relaxed[:, 0, 3] > 0.5, number, score)

    return predict


def bad_gradient(relaxed):
    # The root has an infinite slope at 0, its score is fine.
    return relaxed[:, 0, :3].sum(1).sqrt()


@pytest.mark.parametrize(
    "predict",
    [bad_score(torch.nan), bad_score(torch.inf), bad_score(-torch.inf), bad_gradient],
)
def test_what_is_not_finite_raises(predict):
    target = replace(TARGET, predict=predict)
    target.evaluate(SPACE.encode(["ACGT", "GGGG"]))
    message = "NaN or infinite for chain 1 and 1 more at rung 'step 12'"
    with pytest.raises(NonFiniteScoreError, match=message):
        target.evaluate(SPACE.encode(["ACGT", "TCGT", "CCGT", "TTTT"]))


def test_large_but_finite_scores_are_fine():
    target = replace(TARGET, predict=lambda relaxed: relaxed.sum((1, 2)) * 8e37)
    value, _, _ = target.evaluate(SPACE.encode(["ACGT"] * 50))
    assert value.isfinite().all()


def test_what_is_not_finite_is_marked_where_nothing_waits(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    target = replace(TARGET, predict=bad_gradient)
    value, _, _ = target.evaluate(SPACE.encode(["ACGT", "TCGT"]))
    assert value.isnan().tolist() == [False, True]
    with pytest.raises(NonFiniteScoreError, match="chain 1"):
        target.require_finite(value)


def test_wrong_predictors_are_refused():
    designs = SPACE.encode(["ACGT", "TTTT"])
    with pytest.raises(InputError, match=r"returned shape \(2, 1\).*shape \(2,\), is needed"):
        replace(TARGET, predict=lambda x: x.sum((1, 2)).unsqueeze(1)).evaluate(designs)
    with pytest.raises(InputError, match="no gradient"):
        replace(TARGET, predict=lambda x: x.detach().sum((1, 2))).evaluate(designs)


def test_no_designs_are_refused():
    with pytest.raises(InputError, match="no designs"):
        TARGET.evaluate(torch.zeros(0, 4, dtype=torch.int64))


def test_a_score_without_gradient():
    def plain(relaxed):
        return (relaxed.detach() * WEIGHTS).sum((1, 2))

    designs = SPACE.encode(["ACGT", "TTTT"])
    with pytest.raises(InputError, match="differentiable=False"):
        replace(TARGET, predict=plain).evaluate(designs)
    blind = replace(TARGET, predict=plain, differentiable=False)
    value, gradient, relaxed = blind.evaluate(designs)
    assert value.tolist() == [30.0, 36.0]
    assert torch.equal(gradient, torch.zeros(2, 4, 4))
    assert torch.equal(relaxed, SPACE.relax(designs))
    assert blind.passes == pytest.approx(1 / 3)
    assert TARGET.passes == 1


def test_a_blind_score_that_is_nan_raises():
    broken = replace(
        TARGET, predict=lambda relaxed: relaxed.sum((1, 2)) * torch.nan, differentiable=False
    )
    with pytest.raises(NonFiniteScoreError, match="chain 0 and 1 more at rung 'step 12'"):
        broken.evaluate(SPACE.encode(["ACGT", "TTTT"]))
    with pytest.raises(NonFiniteScoreError, match="chain 0"):
        broken.score(SPACE.encode(["ACGT", "TTTT"]))


def test_points_are_their_own_relaxation():
    space = BoxSpace.cube(2, -1.0, 1.0)
    target = Target(lambda points: (points**2).sum(1), space, dtype=torch.float64)
    points = torch.tensor([[0.5, -0.25]], dtype=torch.float64)
    value, gradient, relaxed = target.evaluate(points)
    assert value.tolist() == [0.3125]
    assert torch.equal(gradient, 2 * points)
    assert torch.equal(relaxed, points)
    assert not points.requires_grad


def test_scores_carry_over_between_betas_only():
    assert TARGET.same_score(replace(TARGET, beta=3.0, label="else"))
    assert not TARGET.same_score(replace(TARGET, predict=lambda relaxed: relaxed.sum((1, 2))))
    assert not TARGET.same_score(replace(TARGET, dtype=torch.float64))
