"""Models and checkpoints as people leave them: odd, but sound; or broken, and told so."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from designlib.config.external_predictor import Example, ExternalPredictor, OwnInput, OwnOutput
from designlib.notation.alphabets import DNA, RNA
from designlib.predictors.checkpoints import fitted, in_order, read_tensors
from designlib.predictors.external import ExternalScore
from designlib.predictors.matching import check_examples
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 6)
DESIGNS = ("ACGTAC", "TTTTGA", "GGCATC")


class Linear(nn.Module):
    """Designs x letters x positions in, one number out."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(24, 1)
        self.gain = gain

    def forward(self, x: Tensor) -> Any:
        return self.gain * self.head(x.flatten(1))


def saved(held: Any) -> bytes:
    sink = io.BytesIO()
    torch.save(held, sink)
    return sink.getvalue()


def around(model: nn.Module, state: dict[str, Tensor], name: str) -> dict[str, Any]:
    """A state dict with what a training loop keeps beside it."""
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 4, 6)).sum().backward()
    optimiser.step()
    return {
        "epoch": 3, name: state, "optimizer": optimiser.state_dict(), "loss": 0.5, "best": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "prefix", "dtype"),
    [
        ("model", "", torch.float16),
        ("state_dict", "module.", torch.bfloat16),
        ("net", "_orig_mod.", torch.float64),
        ("ema_weights", "module.model.", torch.float32),
    ],
)
def test_sound_checkpoints_are_read_however_they_are_wrapped(
    name: str, prefix: str, dtype: torch.dtype
) -> None:
    model = Linear()
    wanted = {key: value.clone() for key, value in model.state_dict().items()}
    state = {f"{prefix}{key}": value.to(dtype) for key, value in wanted.items()}
    read = read_tensors("epoch=3.pt", saved(around(model, state, name)))
    assert read.step == 3
    for key, value in fitted(read, model.state_dict()).items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, wanted[key], atol=1e-2, rtol=1e-2)


def test_two_state_dicts_of_unknown_names_are_not_guessed_between() -> None:
    state = dict(Linear().state_dict())
    with pytest.raises(InputError, match="is no state dict"):
        read_tensors("step=1.pt", saved({"net": state, "ema": state}))


def test_steps_may_have_gaps_and_a_single_one_is_enough() -> None:
    content = saved(Linear().state_dict())
    names = ["step=90000.pt", "step=1.pt", "step=17.pt"]
    assert [c.step for c in in_order(read_tensors(n, content) for n in names)] == [1, 17, 90000]
    assert [c.step for c in in_order([read_tensors("step=5.pt", content)])] == [5]


def asked(model: nn.Module, space: SequenceSpace = SPACE, **changes: Any) -> ExternalPredictor:
    """What fits the model, with the examples that it gives itself."""
    told = ExternalPredictor(
        model="a:b", examples=tuple(Example(design=d, value=0.0) for d in DESIGNS[:2])
    ).model_copy(update={key: value for key, value in changes.items() if key != "designs"})
    designs = changes.get("designs", DESIGNS)
    # One by one: the value that is told must not depend on the batch.
    score = ExternalScore(model, told.network, space, 0.0, 1.0)
    relaxed = space.relax(space.encode([design.upper() for design in designs]))
    with torch.no_grad():
        values = score(relaxed).tolist()
    given = tuple(Example(design=d, value=v) for d, v in zip(designs, values, strict=True))
    return told.model_copy(update={"examples": given})


class BothStrands(nn.Module):
    """Mean over the two strands, of channels in the order TGCA, where one is the other's mirror."""

    def __init__(self) -> None:
        super().__init__()
        self.one = Linear()

    def forward(self, x: Tensor) -> Tensor:
        return (self.one(x) + self.one(x.flip(1, 2))) / 2


class Named(Linear):
    def forward(self, x: Tensor) -> Any:
        return {"profile": x, "counts": super().forward(x)}


class Doubled(Linear):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).double()


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (BothStrands(), {"input": OwnInput(letters="TGCA")}),
        (Named(), {"output": OwnOutput(part="counts")}),
        (Doubled(), {}),
        (Linear(), {"designs": ("acgtac", "ttttGA", "ggcatc")}),
        (Linear(1e6), {}),
    ],
)
def test_odd_models_that_are_sound_pass(model: nn.Module, changes: dict[str, Any]) -> None:
    own = asked(model, **changes)
    check_examples(model, own, SPACE)
    score = ExternalScore(model, own.network, SPACE, 0.0, 1.0)
    assert score(SPACE.relax(SPACE.encode(list(DESIGNS)))).dtype == torch.float32


def test_a_model_of_dna_takes_designs_of_rna() -> None:
    space = SequenceSpace(RNA, 6)
    designs = tuple(design.replace("T", "U") for design in DESIGNS)
    own = asked(Linear(), space, designs=designs, input=OwnInput(letters="ACGT"))
    check_examples(Linear(), own, space)
    # The examples may be written as DNA, as the table may.
    as_dna = tuple(
        Example(design=d, value=e.value) for d, e in zip(DESIGNS, own.examples, strict=True)
    )
    own = own.model_copy(update={"examples": as_dna})
    check_examples(Linear(), own, space)


@pytest.mark.parametrize(
    ("design", "said"), [("ACGTACGT", "8 letters|length"), ("ACGNAC", "N"), ("", "at least 1")]
)
def test_examples_that_are_no_designs_are_named(design: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_examples(Linear(), asked(Linear()).model_copy(
            update={"examples": (Example(design=design, value=0.0),) * 2}
        ), SPACE)  # fmt: skip


def test_a_model_of_another_length_says_so() -> None:
    class Longer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(80, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.flatten(1))

    with pytest.raises(InputError, match=r"cannot take designs of this layout.*No other layout"):
        check_examples(Longer(), asked(Linear()), SPACE)


def test_huge_log_odds_leave_nothing_to_follow() -> None:
    own = asked(Linear(1e6), output=OwnOutput(scale="logit"))
    with pytest.raises(InputError, match=r"0 or 1 to the last digit.*output.scale: value"):
        check_examples(Linear(1e6), own, SPACE)
