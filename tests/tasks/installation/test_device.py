"""The device that a name stands for."""

from __future__ import annotations

import pytest
import torch

from designlib.types import InputError
from tasks.installation.device import use_device


def test_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert use_device("auto") == use_device("cuda") == torch.device("cuda")
    assert use_device("cpu") == torch.device("cpu")


def test_the_processor_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert use_device("auto") == use_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="no usable GPU; use device: auto or cpu"):
        use_device("cuda")


def test_one_thread_is_used() -> None:
    use_device("cpu")
    assert torch.get_num_threads() == 1
