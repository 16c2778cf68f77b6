import io

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from designlib.notation.alphabets import DNA, PROTEIN
from designlib.reports.figures import (
    Points,
    distance_figure,
    ladder_figure,
    predicted_against_known,
    training_figure,
)
from designlib.reports.logo import information, logo_figure
from designlib.reports.style import Picture
from designlib.spaces import SequenceSpace
from designlib.types import InputError


def points(n, seed=0):
    rng = np.random.default_rng(seed)
    known = rng.normal(size=n)
    return Points(known + 0.3 * rng.normal(size=n), known)


def against(test, candidates=None):
    return predicted_against_known(
        test, candidates, known_name="measured", value_name="E-score", units="a.u."
    )


def ladder(starts=("random", "elite"), rungs=12):
    rows = [
        {
            "rung": rung,
            "step": 2**rung,
            "start": start,
            "low": -0.1 + rung / 20,
            "median": rung / 20,
            "high": 0.1 + rung / 20,
            "acceptance": 1 / (1 + rung),
            "beta": 100.0 / (1 + rung),
        }
        for start in starts
        for rung in range(0 if start == "random" else 5, rungs)
    ]
    return ladder_figure(pd.DataFrame(rows), value_name="E-score", units="")


def training(members=3):
    rows = [
        {
            "member": member,
            "step": step,
            "train_loss": 1 / (1 + step),
            "validation_loss": 1.2 / (1 + step),
            "validation_rank_correlation": step / 1100,
            "spread": step / 1200 + 0.01 * member,
        }
        for member in range(members)
        for step in (0, 1, 3, 10, 31, 100, 316, 1000)
    ]
    return training_figure(pd.DataFrame(rows), [0, 3, 31, 1000])


def distances(n=20):
    rng = np.random.default_rng(0)
    square = rng.integers(1, 9, (n, n))
    return distance_figure(np.minimum(square, square.T), rng.integers(1, 4, n))


def logo(space=None, both_strands=True):
    space = space or SequenceSpace(DNA, 8)
    generator = torch.Generator().manual_seed(0)
    return logo_figure(
        space, space.random(12, generator), space.random(20, generator), both_strands=both_strands
    )


PICTURES = {
    "scatter": lambda: against(points(200), points(20, seed=1)),
    "hexbin": lambda: against(points(3000), points(20, seed=1)),
    "without candidates": lambda: against(points(200)),
    "one test design": lambda: against(points(1)),
    "ladder": ladder,
    "ladder of random starts": lambda: ladder(("random",)),
    "ladder of one rung": lambda: ladder(("random",), 1),
    "training": training,
    "training of many members": lambda: training(9),
    "distances": distances,
    "distances of one candidate": lambda: distances(1),
    "logo": logo,
    "logo over several rows": lambda: logo(SequenceSpace(DNA, 90)),
    "logo of proteins": lambda: logo(SequenceSpace(PROTEIN, 12), both_strands=False),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())
def test_each_figure_is_a_png_with_a_title_and_a_caption(draw):
    picture = draw()
    assert isinstance(picture, Picture)
    assert picture.png.startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(io.BytesIO(picture.png)) as image:
        image.load()
        assert 700 <= image.width <= 1400
        assert 400 <= image.height <= 2000
        shades = np.asarray(image.convert("L"))
        assert len(np.unique(shades)) > 10
    assert picture.title
    assert picture.name.isidentifier()
    assert picture.caption.strip().endswith(".")
    assert ".." not in picture.caption


def test_the_same_data_give_the_same_bytes_and_leave_no_trace():
    before = dict(plt.rcParams)
    assert ladder() == ladder()
    assert logo() == logo()
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


def test_the_caption_has_correlation_and_error():
    known = np.array([1.0, 2.0, 3.0, 4.0])
    caption = against(Points(known + 1, known), Points(-known, known)).caption
    assert "n = 4, RMSE 1 a.u., Spearman correlation 1.00" in caption
    assert "Spearman correlation -1.00" in caption


def test_a_constant_has_no_rank_correlation():
    flat = Points(np.zeros(5), np.arange(5.0))
    assert "Spearman correlation undefined" in against(flat).caption


def test_names_say_what_is_predicted_and_what_is_known():
    picture = predicted_against_known(
        points(50), None, known_name="validation score of", value_name="Tc", units="K"
    )
    assert picture.name == "predicted_against_validation"
    assert picture.title == "Predicted against validation score of Tc"


def test_an_unknown_start_is_refused():
    with pytest.raises(InputError, match="'warm'; random and elite are known"):
        ladder(("random", "warm"))


def test_sampling_is_not_said_to_be_exact():
    assert "not exact draws" in ladder().caption


def test_logo_heights_are_information():
    space = SequenceSpace(DNA, 3)
    heights = information(space, space.encode(["AAC", "AAG", "ACA", "ACT"]))
    assert heights.sum(axis=1) == pytest.approx([2, 1, 0])
    assert heights[0].tolist() == [2, 0, 0, 0]
    assert heights[1] == pytest.approx([0.5, 0.5, 0, 0])


def test_the_logo_says_which_strand_it_shows():
    assert "the strand that reads closer" in logo().caption
    assert "strand" not in logo(both_strands=False).caption
