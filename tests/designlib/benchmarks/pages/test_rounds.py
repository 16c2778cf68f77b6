"""The section on simulated campaigns, from benchmark runs."""

from __future__ import annotations

import pandas as pd
import pytest

from designlib.benchmarks.pages import PageSettings, benchmark_pages, merge, summarise
from designlib.benchmarks.pages.rounds import round_section


def runs() -> pd.DataFrame:
    """Return three loops: the second is behind by 1 on every seed, the third is ahead on one."""
    loops = (("this project", 1.0, 0), ("far", 0.0, 0), ("near", 1.0, 5.0))
    rows = [
        (loop, seed, number, base + seed + number, base + number + noise * (seed == 1))
        for loop, base, noise in loops
        for seed in range(3)
        for number in range(3)
    ]
    table = pd.DataFrame(rows, columns=["loop", "seed", "round", "best", "top_mean"])
    return table.assign(
        problem="p",
        measured=10 * table["round"],
        settings=table["loop"] + "()",
        commit="abc",
        tuned=False,
        cpu_seconds=7.0,
        optimum=5.0,
    )


def page_of(runs: pd.DataFrame, settings: PageSettings, problem: str = "p") -> str:
    return benchmark_pages({"rounds": runs}, settings, "").texts[f"rounds-{problem}"]


def test_means_and_intervals_are_over_seeds() -> None:
    summary = summarise("rounds", runs())
    (row,) = summary[(summary["loop"] == "this project") & (summary["round"] == 2)].to_dict(
        "records"
    )
    assert [row[name] for name in ("best", "top_mean", "seeds", "measured")] == [4.0, 3.0, 3, 20]
    # Student's t of 2 degrees of freedom, 4.3027, by 1 / sqrt(3).
    assert row["best_interval"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)


def test_loops_are_compared_seed_by_seed_after_the_last_round(page_settings: PageSettings) -> None:
    pages = benchmark_pages({"rounds": runs()}, page_settings, "")
    page = pages.texts["rounds-p"]
    lines = page.splitlines()
    assert "| far | best | 20 | +1.0000 ± 0.0000 | ahead |" in lines
    assert "| near | mean of the best 100 | 20 | -1.6667 ± 7.1711 | level |" in lines
    assert "| this project | 3 | 20 | 4.0000 ± 2.4841 | 3.0000 ± 0.0000 | 7 |" in lines
    assert "- far: `far()`" in lines
    assert "2 rounds; settings of this project chosen by hand on another seed" in page
    assert "](rounds-p.png)" in page
    assert set(pages.drawings) == {"rounds-p", "family-rounds"}
    for drawing in pages.drawings.values():
        assert drawing.png().startswith(b"\x89PNG")
    section = round_section(runs(), page_settings, "here/")
    assert "(here/family-rounds.png)" in section
    assert (
        "| [p](here/rounds-p.md) | far | 3 | 20 | 3.0000 ± 2.4841 | 2.0000 ± 0.0000 | ahead |"
        in section
    )
    said = section[section.index("Of 1 problems") :]
    assert "in both figures, on 1 (p); ahead of all of them in the best on none, in the" in said
    assert "mean of the best 100 on none, in both on none. Its means" in said
    assert "at least as high as every other's on none" in said


def test_loops_that_were_not_run_on_a_problem_are_named(page_settings: PageSettings) -> None:
    several = pd.concat([runs(), runs().assign(problem="q").query("loop != 'near'")])
    assert "Not run" not in page_of(several, page_settings)
    assert "Not run on this problem: near." in page_of(several, page_settings, "q")


def test_being_behind_is_told(page_settings: PageSettings) -> None:
    swapped = runs().replace({"loop": {"this project": "far", "far": "this project"}})
    section = round_section(swapped, page_settings, "")
    row = "| far | mean of the best 100 | 20 | -1.0000 ± 0.0000 | behind |"
    assert row in page_of(swapped, page_settings)
    assert "in both figures, on none; ahead of all of them in the best on none" in section


def test_being_ahead_is_told_by_figure(page_settings: PageSettings) -> None:
    without = runs().query("loop != 'near'")
    section = round_section(without.assign(best=1.0), page_settings, "")
    assert "in the best on none, in the mean of the best 100 on 1 (p), in both on none." in section
    assert (
        "in the best on 1 (p), in the mean of the best 100 on 1 (p), in both on 1 (p)."
        in round_section(without, page_settings, "")
    )


def test_who_found_the_best_there_is_is_told(page_settings: PageSettings) -> None:
    section = page_of(runs(), page_settings)
    assert (
        "The largest value that there is, 5, was found by near on 1 of 3 seeds, this project on "
        "1 of 3 seeds; nothing can be better than that." in section
    )
    assert "found by none of them." in page_of(runs().assign(optimum=50.0), page_settings)
    assert "The largest" not in page_of(runs().assign(optimum=None), page_settings)


def test_new_runs_replace_those_of_the_same_loop_and_problem() -> None:
    old = runs()
    new = old[old["loop"] == "far"].assign(best=99.0)
    merged = merge("rounds", old, new)
    assert len(merged) == len(old)
    assert (merged["best"] == 99.0).equals(merged["loop"] == "far")
    assert merge("rounds", merged, new).equals(merged)


def test_a_choice_that_was_not_blind_is_told_unless_settings_were_tuned(
    page_settings: PageSettings,
) -> None:
    by_hand = runs().assign(problem="ehrlich-64")
    assert "the choice is not blind" in page_of(by_hand, page_settings, "ehrlich-64")
    assert "not blind" not in page_of(by_hand.assign(tuned=True), page_settings, "ehrlich-64")


def test_a_loop_that_found_fewer_designs_is_compared_with_what_others_had_then(
    page_settings: PageSettings,
) -> None:
    short = runs().query("loop != 'near'")
    short.loc[(short["loop"] == "far") & (short["round"] == 2), "measured"] = 15
    # After 15 measurements this project stands where it stood after its first round.
    assert "| far | best | 10 | +0.0000 ± 0.0000 | level |" in page_of(short, page_settings)
