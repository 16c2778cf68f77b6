"""A compiled step takes the eager step's path, for every checkpoint, from one graph."""

import json
import subprocess
import sys

import pytest

from designlib.notation.alphabets import DNA
from designlib.sampling.kernels import GibbsWithGradients
from designlib.sampling.kernels.base import Kernel
from designlib.sampling.kernels.compiled import CompiledKernel
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace
from designlib.types import InputError


@pytest.mark.timeout(600)
def test_eager_equals_compiled_on_every_rung():
    done = subprocess.run(
        [sys.executable, "-m", "tests.designlib.sampling.kernels.compiled_steps"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["same"]
    assert found["moved"] > 100
    assert found["apart"] < 1e-4
    # One graph serves all checkpoints and temperatures.
    assert found["graphs"] == 1
    assert "NaN or infinite for chain 0 and 63 more at rung 'rung 4'" in found["error"]


def test_a_function_is_refused():
    compiled = CompiledKernel(GibbsWithGradients())
    assert isinstance(compiled, Kernel)
    space = SequenceSpace(DNA, 12)
    plain = Target(lambda relaxed: relaxed[:, 0, 0], space)
    with pytest.raises(InputError, match="needs a torch module as predictor, not a function"):
        compiled.init(plain, space.encode(["A" * 12]))
