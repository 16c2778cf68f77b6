"""Which workers a machine gets: one per GPU, bound to it, or one on the CPU."""

from __future__ import annotations

import socket

import pytest
import torch

from tasks.servers.workers import gpu_workers

HOST = socket.gethostname()


@pytest.mark.parametrize(
    ("gpus", "visible", "expected"),
    [
        (0, None, {f"{HOST}-gpu-none": ""}),
        (2, None, {f"{HOST}-gpu-0": "0", f"{HOST}-gpu-1": "1"}),
        (2, "2,5", {f"{HOST}-gpu-2": "2", f"{HOST}-gpu-5": "5"}),
        (1, "GPU-8932f937", {f"{HOST}-gpu-GPU-8932f937": "GPU-8932f937"}),
    ],
)
def test_one_worker_for_each_gpu_that_is_visible(
    gpus: int, visible: str | None, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_workers() == expected
