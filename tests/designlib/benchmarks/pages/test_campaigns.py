"""The section on example campaigns: figures of rows, and whether claims are met."""

from __future__ import annotations

import math

import pandas as pd

from designlib.benchmarks.pages import PageSettings, merge
from designlib.benchmarks.pages.campaigns import campaign_section


def rows(campaign: str, best: list[float], **others: float) -> pd.DataFrame:
    table = pd.DataFrame({"best_percentile": best}).assign(
        campaign=campaign,
        candidates=24,
        feasible_share=1.0,
        median_percentile=95.0,
        share_of_best=0.6,
        over_prediction=0.25,
        commit="abc",
        machine="2 cores",
    )
    return table.assign(seed=table.index, **others)


def test_means_have_intervals_and_the_lowest_seed(page_settings: PageSettings) -> None:
    section = campaign_section(rows("oer", [99.0, 99.5, 100.0]), page_settings)
    # Student's t for 2 degrees of freedom is 4.303; the standard error is 0.5 / sqrt(3).
    half = 4.3027 * 0.5 / math.sqrt(3)
    assert f"| oer | 3 | 24 | 100% | 99.50 ± {half:.2f} (99.00) |" in section
    assert "| oer: the best in the top 1 % | 99 | yes |" in section


def test_one_seed_below_what_is_asked_misses_it(page_settings: PageSettings) -> None:
    section = campaign_section(rows("blends", [99.9, 98.9]), page_settings)
    assert "| blends: the best in the top 1 % | 98.9 | **no** |" in section
    section = campaign_section(rows("superconductor", [90.0], share_of_best=0.517), page_settings)
    assert "(Design-Bench) | 0.517 | **no** |" in section
    assert "every candidate feasible | 1 | yes |" in section


def test_campaigns_without_claims_have_no_verdict(
    page_settings: PageSettings,
) -> None:
    section = campaign_section(rows("six6", [99.9], share_of_best=math.nan), page_settings)
    assert "six6:" not in section
    assert "| six6 | 1 | 24 | 100% | 99.90 (99.90) | 95.00 (95.00) | - |" in section


def test_new_runs_of_a_configuration_take_the_place_of_its_old_ones() -> None:
    known = pd.concat([rows("oer", [1.0, 2.0]), rows("blends", [3.0])])
    merged = merge("campaigns", known, rows("oer", [4.0]))
    assert merged[["campaign", "best_percentile"]].to_numpy().tolist() == [
        ["blends", 3.0],
        ["oer", 4.0],
    ]
    assert merge("campaigns", None, known).equals(merge("campaigns", known, known))
