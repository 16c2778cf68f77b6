r"""Binarised handwritten digits: sampling an energy model along its training.

What is sampled is a density, not a measured value, so a set of images is judged as a whole: by its
Frechet distance to held-out digits in the features of a classifier that is trained here. Such
figures compare samplers of this task with each other and with nothing else.

.. math:: d^2 = |\mu_1 - \mu_2|^2 + \mathrm{tr}(\Sigma_1 + \Sigma_2
    - 2 (\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2})^{1/2})

is the distance between two sets of features, each taken as a Gaussian: Dowson and Landau, Journal
of Multivariate Analysis 12, 450 (1982); for generated images Heusel et al., NeurIPS 2017.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from designlib.benchmarks.problems.energy_model import EnergyCheckpoint, EnergyConfig, train_energy
from designlib.notation import BINARY
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Points

_CLASSES = 10
_CLASSIFIER_SEED = 10


@dataclass(frozen=True, eq=False)
class Digits:
    """Labelled images of one size.

    Attributes
    ----------
    images
        Pixels, row by row, 0 or 1, int64.
    labels
        The digit of each image, 0 to 9, int64.

    Raises
    ------
    InputError
        Images that are not square, pixels or labels out of range, or different numbers of both.
    """

    images: Letters = field(repr=False)
    labels: Int[Tensor, "labels"] = field(repr=False)

    def __post_init__(self) -> None:
        side = math.isqrt(self.images.shape[1])
        if side**2 != self.images.shape[1]:
            raise InputError(f"{self.images.shape[1]} pixels do not make a square image")
        if len(self.images) != len(self.labels):
            raise InputError(f"{len(self.images)} images have {len(self.labels)} labels")
        SequenceSpace(BINARY, self.images.shape[1]).check(self.images)
        if not bool(((self.labels >= 0) & (self.labels < _CLASSES)).all()):
            raise InputError("a label is not one of the digits 0 to 9")


def read_packed_digits(content: bytes) -> tuple[Digits, Digits]:
    """Return training and test digits of an npz file with pixels packed 8 to a byte.

    Its arrays are x_train, y_train, x_test and y_test; see data set mnist_binary of the catalogue.

    Raises InputError where the file or one of its arrays is not as described.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            parts = [
                (np.unpackbits(arrays[f"x_{part}"], axis=1), arrays[f"y_{part}"])
                for part in ("train", "test")
            ]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"this is no npz file of packed digits: {error}") from error
    train, test = (
        Digits(torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y.astype(np.int64)))
        for x, y in parts
    )
    return train, test


@dataclass(frozen=True, eq=False)
class Mnist:
    """Sampling digits from an energy model.

    Attributes
    ----------
    train
        What the energy model and the classifier are trained on.
    test
        What samples are compared with.
    energy
        How the energy model is trained.
    classifier_steps
        Steps that the classifier is trained for.
    """

    train: Digits = field(repr=False)
    test: Digits = field(repr=False)
    energy: EnergyConfig = field(default=EnergyConfig(), repr=False)
    classifier_steps: int = 2000
    name: str = "mnist"

    constraint = None

    def __post_init__(self) -> None:
        if self.train.images.shape[1] != self.test.images.shape[1]:
            raise InputError("training and test images are not of one size")

    @property
    def space(self) -> SequenceSpace:
        """All binary images."""
        return SequenceSpace(BINARY, self.train.images.shape[1])

    @property
    def side(self) -> int:
        """Pixels of an image from left to right."""
        return math.isqrt(self.train.images.shape[1])

    def trajectory(self, seed: int) -> Iterator[EnergyCheckpoint]:
        """Train an energy model and yield its checkpoints, the untrained one first.

        Each is a map from one-hot pixels to the log density, to be sampled as it is (beta 1).
        """
        return train_energy(self.train.images.float(), self.energy, seed)

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier whose features are compared, the same for every seed."""
        return train_classifier(self.train, self.classifier_steps, _CLASSIFIER_SEED)

    @cached_property
    def accuracy(self) -> float:
        """Share of the test digits that the classifier names rightly."""
        named = self.classifier(self.test.images.float()).argmax(1)
        return float((named == self.test.labels).double().mean())

    def features(self, designs: Letters) -> Float[Tensor, "designs features"]:
        """Return the classifier's last hidden layer for images."""
        self.space.check(designs)
        return self.classifier.features(designs.float())

    def fid(self, designs: Letters) -> float:
        """Return the Frechet distance of images to all test digits; smaller is better."""
        return frechet_distance(self.features(designs), self._test_features)

    @cached_property
    def _test_features(self) -> Float[Tensor, "designs features"]:
        return self.features(self.test.images)

    def floor(self, n: int) -> float:
        """Return the distance of the first ``n`` training digits, as good as samples can be."""
        return self.fid(self.train.images[:n])


def frechet_distance(
    first: Float[Tensor, "first features"], second: Float[Tensor, "second features"]
) -> float:
    """Return the squared Frechet distance, in squared units of the features.

    The estimate is too large by an amount that falls with the number of vectors: compare sets of
    one size.

    Raises InputError for sets of fewer than two vectors and for NaN.
    """
    for vectors in (first, second):
        if len(vectors) < 2 or not bool(vectors.isfinite().all()):
            raise InputError("a Frechet distance needs two sets of at least two finite vectors")
    first, second = first.double(), second.double()
    values, vectors = torch.linalg.eigh(first.T.cov())
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = root @ second.T.cov() @ root
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    spread = first.var(0).sum() + second.var(0).sum()
    distance = (first.mean(0) - second.mean(0)).square().sum() + spread - 2 * overlap
    return max(0.0, float(distance))


def packed_images(designs: Letters) -> bytes:
    """Return images with their pixels packed 8 to a byte, each image from a new byte on."""
    return np.packbits(designs.numpy().astype(np.uint8), axis=1).tobytes()


def unpacked_images(content: bytes, side: int) -> Letters:
    """Return the square images that ``packed_images`` packed.

    Raises InputError where the bytes are not those of whole images of that size.

    >>> images = torch.eye(9, dtype=torch.int64)
    >>> torch.equal(unpacked_images(packed_images(images), 3), images)
    True
    """
    length = -(-(side**2) // 8)
    if side < 1 or len(content) % length:
        raise InputError(f"{len(content)} bytes are no whole images of {side} x {side} pixels")
    packed = np.frombuffer(content, dtype=np.uint8).reshape(-1, length)
    pixels = np.unpackbits(packed, axis=1, count=side**2)
    return torch.from_numpy(pixels.astype(np.int64))


class Classifier(nn.Module):
    """Two hidden layers on the pixels; the second is what images are compared in."""

    def __init__(self, sites: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(sites, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU())
        self.output = nn.Linear(64, _CLASSES)

    def features(self, images: Points) -> Float[Tensor, "designs features"]:
        """Return the second hidden layer."""
        return self.hidden(images)

    def forward(self, images: Points) -> Float[Tensor, "designs classes"]:
        """Return a score per digit."""
        return self.output(self.hidden(images))


def train_classifier(digits: Digits, steps: int, seed: int) -> Classifier:
    """Return a classifier trained by cross entropy with Adam, its rate falling linearly to 0."""
    generator = torch_generator(seed, "classifier")
    network = Classifier(digits.images.shape[1])
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                # From an explicit generator: torch's own start depends on the global one.
                bound = 1 / math.sqrt(layer.in_features)
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - step / steps)
        rows = torch.randint(len(digits.labels), (128,), generator=generator)
        loss = cross_entropy(network(digits.images[rows].float()), digits.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval().requires_grad_(False)


def sample_grid(designs: Letters, columns: int) -> UInt8[np.ndarray, "height width"]:
    """Return images side by side as one picture of 0 and 255, row by row, with a grey frame.

    Places of the last row that no image fills are black.

    Raises InputError for no images, images that are not square, or no column.
    """
    side = math.isqrt(designs.shape[1])
    if len(designs) == 0 or side**2 != designs.shape[1] or columns < 1:
        raise InputError("a grid needs at least one square image and one column")
    rows = math.ceil(len(designs) / columns)
    picture = np.full((rows * (side + 1) + 1, columns * (side + 1) + 1), 128, dtype=np.uint8)
    for place in range(rows * columns):
        top, left = (1 + (side + 1) * index for index in divmod(place, columns))
        image = designs[place].view(side, side).numpy() * 255 if place < len(designs) else 0
        picture[top : top + side, left : left + side] = image
    return picture
