"""Summary, figure and page of the comparison, from its cells alone."""

import math

import pandas as pd
import pytest

from designlib.reporting.comparison import budget_figure, comparison_page, merit_of, summarise


def cells(success):
    rows = [
        {
            "problem": "needle", "method": method, "budget": budget, "seed": seed,
            "evaluations": 100.0, "wall_seconds": 2.0, "success": success,
            "median": quality + seed, "best": 9.0, "percentile": 95.0,
            "feasible": 1.0, "diversity": 4.0, "novelty": 2.0, "overprediction": 0.5,
        }
        for method, quality in (("walk", 3.0), ("chain", 1.0))
        for budget in (30, 60)
        for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_and_intervals():
    summary = summarise(cells(math.nan))
    assert len(summary) == 4
    row = summary[(summary["method"] == "walk") & (summary["budget"] == 30)].iloc[0]
    assert row["median"] == 4.0
    # Student's interval of 3, 4, 5: 4.303 / sqrt(3).
    assert row["median_interval"] == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert row["seeds"] == 3
    assert merit_of(summary) == "median"
    assert merit_of(summarise(cells(0.5))) == "success"
    assert math.isnan(summarise(cells(0.5).head(1))["median_interval"].iloc[0])


def test_the_page_ranks_and_shows():
    summary = summarise(cells(math.nan))
    picture = budget_figure("needle", summary)
    assert picture.png.startswith(b"\x89PNG")
    page = comparison_page(summary, [picture], {"seeds": 3})
    assert "- seeds: 3" in page
    assert "![" in page
    assert "](budget-needle.png)" in page
    lines = [line for line in page.splitlines() if line.startswith("| walk") or "| chain" in line]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["walk", "chain"] * 2
    assert "4 ± 2.5" in lines[0]
    assert "| 95 ± 0 |" in lines[0]
