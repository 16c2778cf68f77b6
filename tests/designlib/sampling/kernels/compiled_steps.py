"""Walk a compiled and a plain kernel side by side, and print how they compare as JSON.

A program of its own, since the run-time checks of shapes under pytest cannot be compiled.
"""

import json
import sys

import torch
from torch import nn

from designlib.config.constraints import ConstraintConfig
from designlib.constraints import build
from designlib.notation.alphabets import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import GibbsWithGradients
from designlib.sampling.kernels.compiled import CompiledKernel
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 12)
CONSTRAINT = build(ConstraintConfig(max_homopolymer=3), SPACE)
CHAINS = 64


def target(seed, beta):
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Linear(48, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0)]
    network = nn.Sequential(*layers).requires_grad_(False)
    return Target(network, SPACE, CONSTRAINT, beta, f"rung {seed}")


def compare(plain, compiled, starts):
    same, apart, moved = True, 0.0, 0
    for index, (seed, beta) in enumerate(((1, 0.5), (2, 3.0), (3, 8.0))):
        rung = target(seed, beta)
        state, other = plain.init(rung, starts), compiled.init(rung, starts)
        for uniforms in chain_uniforms(0, index, range(CHAINS), 5, 2):
            state, info = plain.step(rung, state, uniforms)
            other, told = compiled.step(rung, other, uniforms)
            same = same and torch.equal(state.designs, other.designs)
            same = same and torch.equal(info.accepted, told.accepted)
            moved += int(info.accepted.sum())
            differences = (state.value - other.value, info.log_acceptance - told.log_acceptance)
            apart = max(apart, *(float(part.abs().max()) for part in differences))
    return {"same": same, "apart": apart, "moved": moved}


def meet_nan(compiled, starts):
    broken = target(4, 1.0)
    state = compiled.init(broken, starts)
    assert isinstance(broken.predict, nn.Sequential)
    for parameter in broken.predict.parameters():
        parameter.fill_(torch.nan)
    try:
        compiled.step(broken, state, chain_uniforms(0, 9, range(CHAINS), 1, 2)[0])
    except NonFiniteScoreError as error:
        return str(error)
    return ""


def main():
    letters = SPACE.random(200, torch_generator(0))
    starts = letters[CONSTRAINT.satisfied(letters)][:CHAINS]
    compiled = CompiledKernel(GibbsWithGradients())
    found = compare(GibbsWithGradients(), compiled, starts)
    found["error"] = meet_nan(compiled, starts)
    found["graphs"] = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
