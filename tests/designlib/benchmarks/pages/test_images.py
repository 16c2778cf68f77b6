"""Sampled digits on the page: what replaces what, the verdict, and the table."""

import pandas as pd
import pytest
import torch

from designlib.benchmarks.pages import benchmark_pages, merge, summarise
from designlib.benchmarks.pages.claims import verdicts
from designlib.benchmarks.pages.images import image_page
from designlib.benchmarks.problems.mnist import packed_images

OURS, THEIRS = "trajectory annealing, raw", "temperature annealing"


def images(ours=3.0, theirs=12.0, problem="mnist", steps=(100, 1000)):
    shown = packed_images(torch.eye(9, dtype=torch.int64))
    rows = pd.DataFrame(
        [
            (method, number, seed, fid * 1000 / number + seed)
            for method, fid in ((OURS, ours), (THEIRS, theirs))
            for number in steps
            for seed in range(2)
        ],
        columns=["method", "steps", "seed", "fid"],
    )
    settings = rows["method"].map({OURS: "none", THEIRS: "softening 2"})
    same = {"images": 9, "floor": 0.5, "accuracy": 0.97, "side": 3, "shown": shown}
    return rows.assign(problem=problem, settings=settings, commit="abc", machine="one core", **same)


def none():
    return pd.DataFrame({"problem": []})


def test_new_runs_replace_old_ones():
    known = merge("images", images(), images(problem="digits"))
    merged = merge("images", known, images(ours=9.0, steps=(1000,)))
    assert len(merged) == len(known) == 16
    mean = summarise("images", merged).set_index(["problem", "method", "steps"])["fid"]
    assert mean["mnist", OURS, 1000] == 9.5
    assert mean["mnist", OURS, 100] == 30.5
    assert mean["digits", OURS, 1000] == 3.5


@pytest.mark.parametrize(("ours", "met"), [(3.0, True), (4.0, False)])
def test_a_third_of_the_distance_is_claimed_at_the_most_steps(ours, met, page_settings):
    (row,) = verdicts(none(), summarise("images", images(ours)), page_settings)
    assert row.claim.startswith("mnist, 1,000 steps")
    assert row.met is met
    assert f"{ours + 0.5:g} ±" in row.figures
    assert not row.sure
    assert verdicts(none(), summarise("images", images(problem="digits")), page_settings) == []
    only = images()
    assert verdicts(none(), summarise("images", only[only["method"] == OURS]), page_settings) == []


def test_the_table_has_the_nearest_first_and_a_dash_where_nothing_ran(page_settings):
    runs = images()
    runs = runs[(runs["method"] == OURS) | (runs["steps"] == 1000)]
    lines = image_page("mnist", page_settings.texts["image_page"], runs).splitlines()
    table = [line for line in lines if line.startswith("| t")]
    assert table[-1].startswith("| training images | 0.5")
    assert table[0].split(" | ")[0] == f"| {OURS}"
    assert table[1].split(" | ")[1] == "-"
    assert lines[-1].endswith("](samples-mnist.png)")
    assert "0.97 of the test images" in " ".join(lines)


def test_a_page_of_images_alone(page_settings):
    pages = benchmark_pages({"images": images()}, page_settings, "f/")
    assert pages.drawings["samples-mnist"].png().startswith(b"\x89PNG")
    assert "[mnist](f/mnist.md)" in pages.texts["BENCHMARKS"]
    assert "# mnist" in pages.texts["mnist"]
    assert "## Claims" not in pages.texts["BENCHMARKS"]
