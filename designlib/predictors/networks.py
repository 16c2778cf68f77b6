"""Small networks on one-hot sequences: one number per design, larger is better."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from designlib.config import NetworkConfig
from designlib.notation import Alphabet
from designlib.randomness import torch_generator
from designlib.types import Relaxed, Scores


class _Network(nn.Module):
    """Maps one-hot designs to one score each, by a last linear layer of width 1."""

    output: nn.Linear


class _Mlp(_Network):
    """Two hidden layers on the flattened one-hot input."""

    def __init__(self, length: int, letters: int, config: NetworkConfig) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(length * letters, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
        )
        self.output = nn.Linear(config.width, 1)

    def forward(self, one_hot: Tensor) -> Tensor:
        return self.output(self.hidden(one_hot.flatten(1))).squeeze(1)


class _Cnn(_Network):
    """One layer of motif filters, their strongest and mean response, one dense layer.

    The input is padded so that a motif may overhang either end of the design.
    """

    def __init__(self, length: int, letters: int, config: NetworkConfig) -> None:
        super().__init__()
        self.span = min(config.filter_length, length)
        self.filters = nn.Linear(letters * self.span, config.width)
        self.hidden = nn.Linear(2 * config.width, config.width)
        self.output = nn.Linear(config.width, 1)

    def forward(self, one_hot: Tensor) -> Tensor:
        response = torch.relu(self._filtered(one_hot))
        # Dividing after the sum, not inside mean, spares a pass over all windows backward.
        mean = response.sum(1) / response.shape[1]
        pooled = torch.cat([response.max(1).values, mean], dim=1)
        return self.output(torch.relu(self.hidden(pooled))).squeeze(1)

    def _filtered(self, one_hot: Tensor) -> Tensor:
        """Return what each filter says to each window, of shape (designs, windows, filters)."""
        margin = self.span - 1
        letters = one_hot.shape[2]
        if letters * self.span >= _WIDE_WINDOW and one_hot.device.type == "cpu":
            # Sites are the width of an image of height 1 with a channel a letter.
            weight = self.filters.weight.view(-1, letters, 1, self.span)
            image = one_hot.transpose(1, 2).unsqueeze(2)
            response = nn.functional.conv2d(image, weight, self.filters.bias, padding=(0, margin))
            return response.squeeze(2).transpose(1, 2)
        windows = nn.functional.pad(one_hot, (0, 0, margin, margin)).unfold(1, self.span, 1)
        return self.filters(windows.flatten(2))


_WIDE_WINDOW = 128
"""Letters times sites of a window from which a convolution beats windows times filters on a CPU.

The windows have to be written out: with four letters on short designs that is a third cheaper than
a convolution, forward and backward; with 32 letters and 32 sites it takes six times as long. On a
GPU a convolution would be rounded to 10 bits and not be the same each time.
"""


class _BothStrands(nn.Module):
    """Mean of a network over the two strands of a molecule."""

    complement: Tensor

    def __init__(self, network: nn.Module, alphabet: Alphabet) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("complement", torch.tensor(alphabet.partners), persistent=False)

    def forward(self, one_hot: Tensor) -> Tensor:
        other = one_hot.flip(1).index_select(2, self.complement)
        both = self.network(torch.cat([one_hot, other]))
        return 0.5 * (both[: len(one_hot)] + both[len(one_hot) :])


ARCHITECTURES: dict[str, Callable[[int, int, NetworkConfig], _Network]] = {
    "cnn": _Cnn,
    "mlp": _Mlp,
}
"""Networks by their setting, made from length, number of letters and settings."""


def build_network(
    config: NetworkConfig, length: int, alphabet: Alphabet, *, both_strands: bool, seed: int
) -> nn.Module:
    """Return a freshly initialised network from one-hot designs to one score each.

    The last layer starts near zero, so that f_0 is close to a constant and the
    first steps of training decide what the trajectory learns first.
    """
    network = ARCHITECTURES[config.architecture](length, len(alphabet), config)
    initialise(network, network.output, seed)
    return _BothStrands(network, alphabet) if both_strands else network


_INITIAL_OUTPUT_SCALE = 0.1


def initialise(network: nn.Module, output: nn.Linear, seed: int) -> None:
    """Draw the parameters of all linear layers; those of the last one, ``output``, near zero."""
    # torch's own default, drawn from an explicit generator: the global one
    # would make the result depend on what other threads build at the same time.
    generator = torch_generator(seed, "initialisation")
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                bound = 1.0 / math.sqrt(layer.in_features)
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
        output.weight.mul_(_INITIAL_OUTPUT_SCALE)
        output.bias.zero_()


def evaluate(network: Callable[[Relaxed], Scores], relaxed: Relaxed, batch: int = 4096) -> Scores:
    """Return the scores of many designs without gradients, in batches."""
    with torch.no_grad():
        return torch.cat([network(part) for part in relaxed.split(batch)])
