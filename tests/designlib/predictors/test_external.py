"""Predictors of other people: layouts, outputs, modes, programs, and examples that check them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from designlib.config.base import Flanks
from designlib.config.external_predictor import (
    Example,
    ExternalPredictor,
    OwnInput,
    OwnNetwork,
    OwnOutput,
)
from designlib.notation.alphabets import DNA, PROTEIN
from designlib.predictors.external import ExternalScore, build_model, evaluating
from designlib.predictors.matching import check_examples
from designlib.predictors.networks import evaluate
from designlib.predictors.trajectory import (
    PredictorSpec,
)
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 6)
HERE = "tests.designlib.predictors.test_external"


def channels_first(seed: int = 0, letters: int = 4) -> nn.Module:
    """A network that takes designs x letters x positions, with dropout and batch norm."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv1d(letters, 5, 3, padding=1), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(30, 1),
    )  # fmt: skip
    net(torch.randn(64, letters, 6))  # so that the running statistics are some
    return net


class Genomics(nn.Module):
    """The convention of bpnet-lite: (X, X_ctl=None) in; profile logits and log counts out."""

    def __init__(self, filters: int = 6, layers: int = 2, trimming: int = 4) -> None:
        super().__init__()
        self.trimming = trimming
        self.iconv = nn.Conv1d(4, filters, 3, padding=1)
        self.irelu = nn.ReLU()
        self.rconvs = nn.ModuleList(
            nn.Conv1d(filters, filters, 3, padding=2**i, dilation=2**i)
            for i in range(1, layers + 1)
        )
        self.fconv = nn.Conv1d(filters, 2, 5, padding=2)
        self.linear = nn.Linear(filters, 1)

    def forward(self, X: Tensor, X_ctl: Tensor | None = None) -> tuple[Tensor, Tensor]:
        X = self.irelu(self.iconv(X))
        for conv in self.rconvs:
            X = X + torch.relu(conv(X))
        inner = slice(self.trimming, X.shape[2] - self.trimming)
        return self.fconv(X)[:, :, inner], self.linear(X[:, :, inner].mean(2))


def one_hot(designs: list[str], order: str) -> Tensor:
    """Designs x letters x positions, written out by hand."""
    table = np.zeros((len(designs), len(order), len(designs[0])), np.float32)
    for row, design in enumerate(designs):
        for place, letter in enumerate(design):
            table[row, order.index(letter), place] = 1
    return torch.from_numpy(table)


DESIGNS = ["ACGTAC", "TTTTGA", "GGCATC", "CATCAT"]


def scored(model: nn.Module, about: OwnNetwork, designs: list[str] = DESIGNS) -> Tensor:
    return evaluate(
        ExternalScore(model, about, SPACE, 0.0, 1.0).eval(), SPACE.relax(SPACE.encode(designs))
    )


@pytest.mark.parametrize("order", ["ACGT", "TGAC", "AGCU", "ACGTN"])
def test_every_layout_and_order_of_letters_gives_what_the_model_gives_by_hand(order):
    wide = channels_first(letters=len(order)).eval()
    by_hand = one_hot(
        [design.replace("T", "U") if "U" in order else design for design in DESIGNS], order
    )
    flat = nn.Sequential(nn.Flatten(), nn.Linear(6 * len(order), 1))
    with torch.no_grad():
        for layout, model, wanted in (
            ("channels_first", wide, wide(by_hand)),
            ("flat", flat, flat(by_hand.transpose(1, 2))),
            ("channels_last", flat, flat(by_hand.transpose(1, 2))),
        ):
            about = OwnNetwork(input=OwnInput.model_validate({"layout": layout, "letters": order}))
            assert torch.allclose(scored(model, about), wanted.squeeze(1), atol=1e-6)


def test_flanks_parts_and_columns_are_read_as_declared():
    model = Genomics().eval()
    about = OwnNetwork(
        input=OwnInput(flanks=Flanks(left="GGGGTC", right="ACACAA")),
        output=OwnOutput(part="1", scale="ln"),
    )
    whole = one_hot([f"GGGGTC{design}ACACAA" for design in DESIGNS], "ACGT")
    with torch.no_grad():
        profile, counts = model(whole)
    assert torch.allclose(scored(model, about), counts[:, 0], atol=1e-6)
    of_profile = about.model_copy(update={"output": OwnOutput(part="0", column=3)})
    assert torch.allclose(scored(model, of_profile), profile.flatten(1)[:, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (OwnOutput(), r"returns several parts, \[0, 1\]; name one as output.part"),
        (OwnOutput(part="2"), "'2' is not in what the model returns: 0, 1"),
        (OwnOutput(part="0"), "returns 8 numbers for each design; name one"),
        (OwnOutput(part="1", column=1), "output.column: 1 is asked for"),
    ],
)
def test_an_output_that_is_not_there_is_named(output, said):
    about = OwnNetwork(input=OwnInput(flanks=Flanks(left="GG")), output=output)
    with pytest.raises(InputError, match=said):
        scored(Genomics(trimming=2).eval(), about)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"letters": "ACG"}, "no channel for T"),
        ({"letters": "ACGTA"}, "names a letter twice"),
        ({"flanks": Flanks(left="GGX")}, r"input.flanks.left: 'X' at position 3"),
        ({"layout": "columns"}, "the other layouts are for sequences"),
    ],
)
def test_letters_that_do_not_fit_are_named(given, said):
    with pytest.raises(InputError, match=said):
        ExternalScore(channels_first(), OwnNetwork(input=OwnInput(**given)), SPACE, 0.0, 1.0)


class Moved(nn.Module):
    """A module that remembers where it was moved."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.places = channels_first(), []

    def to(self, *arguments: Any, **named: Any) -> Any:
        self.places.append(str(*arguments))
        return super().to(*arguments, **named)


def test_mode_and_device_are_as_they_were_found_even_after_an_error():
    model = Moved().train()
    model.inner.get_submodule("1").eval()  # frozen by its owner
    modes = [part.training for part in model.modules()]
    seen: list[bool] = []

    def use() -> None:
        with evaluating(model, torch.device("cpu", 0)):
            seen.extend(part.training for part in model.modules())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        use()
    assert seen
    assert not any(seen)
    assert [part.training for part in model.modules()] == modes
    assert model.places == ["cpu:0", "cpu"]


# ---- examples


def declared(model: nn.Module, **changes: Any) -> ExternalPredictor:
    """Settings whose examples were made by hand for channels first in the order TGAC."""
    sound = model.inner if isinstance(model, Broken) and model.flaw == "nan" else model
    with torch.no_grad(), evaluating(sound):
        told = sound(one_hot(DESIGNS, "TGAC")).squeeze(1).tolist()
    examples = [Example(design=d, value=v) for d, v in zip(DESIGNS, told, strict=True)]
    return ExternalPredictor(
        **{"model": "a:b", "input": OwnInput(letters="TGAC"), "examples": examples} | changes
    )


def test_true_examples_pass_and_leave_the_mode_alone():
    model = channels_first().train()
    check_examples(model, declared(model), SPACE)
    assert all(part.training for part in model.modules())


def test_a_mismatch_says_what_differs_and_which_layout_would_match():
    model = channels_first()
    wrong = declared(model, input=OwnInput(letters="ACGT"))
    with pytest.raises(
        InputError, match=r"gives \S+ for example 1 \(ACGTAC\), not .*TGAC"
    ) as error:
        check_examples(model, wrong, SPACE)
    assert "They match with input.letters: TGAC" in str(error.value)


@pytest.mark.parametrize("layout", ["channels_last", "flat"])
def test_another_layout_is_told_even_where_the_model_cannot_take_the_declared_one(layout):
    model = channels_first()
    wrong = declared(model, input=OwnInput(letters="TGAC", layout=layout))
    with pytest.raises(
        InputError, match=r"cannot take designs .*match with input.layout: channels_first"
    ):
        check_examples(model, wrong, SPACE)


def test_another_scale_and_column_is_told():
    model = channels_first()
    right = declared(model)
    as_powers = [Example(design=e.design, value=10**e.value) for e in right.examples]
    with pytest.raises(InputError, match=r"match with output.scale: log10"):
        check_examples(model, right.model_copy(update={"examples": tuple(as_powers)}), SPACE)

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([-self.inner(x), self.inner(x)], 1)

    wrong = right.model_copy(update={"output": OwnOutput(column=0)})
    with pytest.raises(InputError, match=r"match with output.column: 1"):
        check_examples(Two().eval(), wrong, SPACE)


def test_the_model_of_other_examples_is_told_apart():
    with pytest.raises(InputError, match=r"No other layout.*is it the model of these examples"):
        check_examples(channels_first(seed=1), declared(channels_first()), SPACE)


class Broken(nn.Module):
    """A model with one flaw, around one that has none."""

    def __init__(self, flaw: str) -> None:
        super().__init__()
        self.inner, self.flaw = channels_first(), flaw

    def forward(self, x: Tensor) -> Tensor:
        match self.flaw:
            case "nan":
                return self.inner(x) + torch.nan
            case "rounding":
                return self.inner(x.argmax(1).float()[:, None].expand(-1, 4, -1))
            case "batch":
                return self.inner(x) + 3 * x[:, 0].mean()
        return self.inner(x)


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("nan", "gives NaN or infinity for example 1"),
        ("rounding", "no gradient by the one-hot designs"),
        ("batch", "depends on the other designs of its batch"),
    ],
)
def test_a_model_that_chains_cannot_follow_is_refused(flaw, said):
    model = Broken(flaw)
    with pytest.raises(InputError, match=said):
        check_examples(model, declared(model), SPACE)


def test_orders_of_amino_acids_are_tried():
    space = SequenceSpace(PROTEIN, 4)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(80, 1))
    designs = ["ACDE", "WYVK", "MLLH"]
    with torch.no_grad():
        told = model(one_hot(designs, "ARNDCQEGHILKMFPSTWYV")).squeeze(1).tolist()
    examples = [Example(design=d, value=v) for d, v in zip(designs, told, strict=True)]
    with pytest.raises(InputError, match=r"input.letters: ARNDCQEGHILKMFPSTWYV"):
        check_examples(model, ExternalPredictor(model="a:b", examples=tuple(examples)), space)


# ---- factories and programs


def wide(width: int) -> nn.Module:
    """A factory."""
    return nn.Sequential(nn.Flatten(), nn.Linear(24, width), nn.Linear(width, 1))


def test_a_factory_is_called_with_its_arguments():
    built = build_model(OwnNetwork(factory=f"{HERE}:wide(width=7)"))
    assert built.get_parameter("1.weight").shape == (7, 24)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("no_such_module:build", "No module named .*PYTHONPATH"),
        (f"{HERE}:nothing", "has no function nothing"),
        (f"{HERE}:wide", "TypeError"),
        (f"{HERE}:one_hot(designs=['A'], order='A')", "returned Tensor; a torch.nn.Module"),
    ],
)
def test_a_factory_that_makes_no_model_is_named(factory, said):
    with pytest.raises(InputError, match=said):
        build_model(OwnNetwork(factory=factory))


@pytest.mark.parametrize(
    "text", ["wide", "a:b(1)", "a:b(x=open('f'))", "a:b(**{'x': 1})", "a:b()()"]
)
def test_a_factory_has_literal_arguments_by_name(text):
    with pytest.raises(ValidationError, match="is no factory"):
        OwnNetwork(factory=text)


def test_there_is_one_model():
    examples = [{"design": "A", "value": 1}, {"design": "C", "value": 2}]
    for given in ({}, {"factory": "a:b", "program": "p.pt2"}, {"model": "a:b()()"}):
        with pytest.raises(ValidationError, match="model"):
            ExternalPredictor.model_validate({"examples": examples, **given})
    for old in ("factory", "program"):
        read = ExternalPredictor.model_validate({"examples": examples, old: "a:b"})
        assert read == ExternalPredictor.model_validate({"examples": examples, "model": "a:b"})
    program = ExternalPredictor.model_validate({"examples": examples, "model": "p.pt2"})
    assert (program.factory, program.program) == ("", "p.pt2")


def test_a_spec_of_our_own_network_is_stored_as_it_was(members):
    assert "factory" not in members[0].spec.model_dump_json()


def test_random_designs_score_as_the_model_says_in_units():
    model = channels_first().eval()
    spec = PredictorSpec(
        network=OwnNetwork(
            factory=f"{HERE}:channels_first(seed=3)", output=OwnOutput(scale="log10")
        ),
        alphabet="dna", length=6, centre=0.5, scale=2.0, transform="log", seed=0,
    )  # fmt: skip
    network = spec.build()
    network.load_state_dict({f"model.{name}": value for name, value in model.state_dict().items()})
    designs = SPACE.random(20, torch_generator(0, "test"))
    scores = evaluate(network.eval(), SPACE.relax(designs)).double()
    with torch.no_grad():
        wanted = 10.0 ** model(one_hot(SPACE.decode(designs), "ACGT")).squeeze(1).double()
    assert torch.allclose(spec.in_units(scores), wanted, rtol=1e-4)
