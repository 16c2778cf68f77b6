"""The page of simulated campaigns, from cells."""

from __future__ import annotations

import pandas as pd
import pytest

from designlib.reporting.loops import loop_figure, loop_page, summarise_loops


def cells() -> pd.DataFrame:
    rows = [
        {
            "problem": "p", "loop": loop, "seed": seed, "round": number, "measured": 10 * number,
            "best": base + seed + number, "top_mean": base + number,
        }
        for loop, base in (("ours", 1.0), ("theirs", 0.0))
        for seed in range(3)
        for number in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_and_intervals_are_over_seeds() -> None:
    summary = summarise_loops(cells())
    (row,) = summary[(summary["loop"] == "ours") & (summary["round"] == 2)].to_dict("records")
    assert [row[name] for name in ("best", "top_mean", "seeds", "measured")] == [4.0, 3.0, 3, 20]
    # Student's t of 2 degrees of freedom, 4.3027, by 1 / sqrt(3).
    assert row["best_interval"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)


def test_the_page_tells_the_last_round_the_best_loop_first() -> None:
    summary = summarise_loops(cells())
    picture = loop_figure("p", summary)
    page = loop_page(summary, [picture], {"rounds": 2})
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert lines[1].startswith("| ours | 3 | 20 | 4.0000 ± 2.4841 | 3.0000 ± 0.0000")
    assert lines[2].startswith("| theirs")
    assert "- rounds: 2" in page
