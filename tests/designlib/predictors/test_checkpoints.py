"""Checkpoints of other people's training: what is read, in which order, and what is refused."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from designlib.predictors.checkpoints import (
    RawCheckpoint,
    fitted,
    in_order,
    read_tensors,
    step_in_name,
)
from designlib.types import InputError

TENSORS = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.zeros(2)}


def saved(content: Any) -> bytes:
    sink = io.BytesIO()
    torch.save(content, sink)
    return sink.getvalue()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


@pytest.mark.parametrize(
    ("name", "content", "step"),
    [
        ("step=400.pt", saved(TENSORS), 400),
        (
            "epoch=3-step=400.ckpt",
            saved({"state_dict": TENSORS, "global_step": 401, "epoch": 3}),
            401,
        ),
        ("last.ckpt", saved({"state_dict": TENSORS, "global_step": 77}), 77),
        ("net_0012.pth", saved({"model_state_dict": TENSORS, "loss": 0.5}), 12),
        ("checkpoint-500/model.safetensors", save_safetensors(TENSORS, {"format": "pt"}), 500),
        ("a.safetensors", save_safetensors(TENSORS, {"step": "30"}), 30),
        (
            "checkpoint-00000007.safetensors",
            save_safetensors(
                {f"parameters.{name}": value for name, value in TENSORS.items()},
                {"checkpoint": json.dumps({"step": 7})},
            ),
            7,
        ),
        ("best.pt", saved(TENSORS), None),
    ],
)  # fmt: skip
def test_every_format_gives_the_tensors_and_the_step(name, content, step):
    read = read_tensors(name, content)
    assert read.step == step
    assert same(read.tensors, TENSORS)


class Trap:
    """An object whose unpickling would do something."""

    ran = False

    def __reduce__(self):
        return (setattr, (Trap, "ran", True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (saved({"state_dict": TENSORS, "optimiser": Trap()}), "pickled objects"),
        (saved(nn.Linear(2, 1)), "pickled objects"),
        (pickle.dumps(Trap()), "pickled objects|cannot be read"),
        (saved(TENSORS)[:200], "cannot be read|damaged"),
        (b"", "cannot be read"),
        (saved({"loss": 0.3}), "no state dict"),
        (saved([1, 2]), "no state dict"),
    ],
)
def test_what_is_no_plain_state_dict_is_refused_and_nothing_in_it_runs(content, said):
    with pytest.raises(InputError, match=f"^step=1.pt: .*({said})"):
        read_tensors("step=1.pt", content)
    assert not Trap.ran


def test_a_name_that_contradicts_the_file_is_refused():
    with pytest.raises(InputError, match="the file says step 30, its name says 20"):
        read_tensors("step=20.safetensors", save_safetensors(TENSORS, {"step": "30"}))
    with pytest.raises(InputError, match="no whole safetensors"):
        read_tensors("step=20.safetensors", b"123")


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("model-v2-step_300.pt", 300), ("checkpoint-12/pytorch_model.bin", 12),
        ("epoch=7.ckpt", 7), ("iter900.pt", 900), ("final.pt", None), ("weights", None),
    ],
)  # fmt: skip
def test_steps_in_names(name, step):
    assert step_in_name(name) == step


def raw(name: str, step: int | None, value: float = 0.0) -> RawCheckpoint:
    return RawCheckpoint(name, step, {"w": torch.full((2,), value)})


def test_checkpoints_are_put_in_order_and_a_copy_counts_once():
    given = [raw("c", 100, 3.0), raw("a", 5), raw("b", 20, 1.0), raw("last", 100, 3.0)]
    assert [checkpoint.name for checkpoint in in_order(given)] == ["a", "b", "c"]


def test_an_unknown_order_is_refused():
    with pytest.raises(InputError, match=r"best.pt: neither its metadata nor its name"):
        in_order([raw("a", 1), raw("best.pt", None)])
    with pytest.raises(InputError, match="b and a are both of step 1 and differ"):
        in_order([raw("a", 1), raw("b", 1, 2.0)])


def test_a_shared_prefix_is_taken_off_and_metrics_beside_it_are_left_out():
    model = nn.Sequential(nn.Linear(3, 2))
    held = {f"model.{name}": value.double() for name, value in TENSORS.items()}
    found = fitted(
        RawCheckpoint("a", 1, {**held, "metric.total": torch.ones(1)}), model.state_dict()
    )
    assert same(found, TENSORS)
    assert found["0.weight"].data_ptr() != held["model.0.weight"].data_ptr()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"0.bias": None}, r"no 0.bias, which the model has; .*another architecture"),
        ({"1.weight": torch.ones(1), "1.bias": torch.ones(1)}, r"has 1.weight and 1 more"),
        ({"0.weight": torch.ones(2, 4)}, r"0.weight has shape \(2, 4\); .* \(2, 3\)"),
        ({"0.bias": torch.tensor([1.0, float("nan")])}, "0.bias holds NaN or infinity"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused(change, said):
    tensors = {k: v for k, v in {**TENSORS, **change}.items() if v is not None}
    with pytest.raises(InputError, match=f"^step=3.pt: {said}"):
        fitted(RawCheckpoint("step=3.pt", 3, tensors), nn.Sequential(nn.Linear(3, 2)).state_dict())
