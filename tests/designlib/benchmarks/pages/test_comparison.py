"""Summary, verdicts, figures and page of the comparison, from its cells alone."""

import math

import pandas as pd
import pytest

from designlib.benchmarks.pages.benchmark_page import benchmark_files
from designlib.benchmarks.pages.comparison import (
    budget_figure,
    merge_cells,
    merge_learning,
    merit_of,
    quality_table,
    shown_cells,
    summarise,
)
from designlib.benchmarks.pages.verdicts import verdict_table, verdicts


def cells(success=math.nan, problem="needle", methods=(("walk", 3.0), ("chain", 1.0)), **more):
    rows = [
        {
            "problem": problem, "method": method, "settings": f"{method}()", "budget": budget,
            "seed": seed, "tuned": False, "commit": "abc", "machine": "one core",
            "evaluations": 100.0, "wall_seconds": 2.0, "cpu_seconds": 1.0, "success": success,
            "median": quality + seed, "mean": quality, "best": 9.0, "percentile": 95.0,
            "feasible": 1.0, "diversity": 4.0, "novelty": 2.0, "overprediction": 0.5, **more,
        }
        for method, quality in methods
        for budget in (120, 600)
        for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def learned(problem="needle"):
    rows = [
        {"problem": problem, "seed": seed, "step": step, "degree": degree, "cosine": 0.0,
         "learned": 0.5 * (step > 0) * (degree == 1), "commit": "abc"}
        for seed in range(2)
        for step in (0, 9)
        for degree in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_what_was_learned_is_replaced_by_problem():
    both = merge_learning(learned("a"), learned("b"))
    assert len(merge_learning(both, learned("b").assign(learned=2.0))) == len(both)


def test_means_and_intervals():
    summary = summarise(cells())
    assert len(summary) == 4
    row = summary[(summary["method"] == "walk") & (summary["budget"] == 120)].iloc[0]
    assert row["median"] == 4.0
    # Student's interval of 3, 4, 5: 4.303 / sqrt(3).
    assert row["median_interval"] == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert row["seeds"] == 3
    assert merit_of(summary) == "median"
    assert merit_of(summarise(cells(0.5))) == "success"
    assert merit_of(summarise(cells(0.01))) == "median"
    assert merit_of(summarise(cells(0.95))) == "median"
    assert math.isnan(summarise(cells(0.5).head(1))["median_interval"].iloc[0])


def test_what_one_or_two_methods_find_does_not_rank_the_others():
    four = cells(methods=(("walk", 3.0), ("chain", 1.0), ("search", 4.0), ("random", 0.0)))
    for finders, merit in ((("walk",), "median"), (("walk", "search"), "median"),
                           (("walk", "search", "chain"), "success")):  # fmt: skip
        found = four.assign(success=[0.4 if name in finders else 0.0 for name in four["method"]])
        assert merit_of(summarise(found)) == merit


def test_tables_rank_by_the_largest_budget():
    summary = summarise(cells())
    assert budget_figure("needle", summary).png.startswith(b"\x89PNG")
    lines = quality_table(summary)
    assert lines[0] == "| median true value | 120 | 600 | seeds |"
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == ["walk", "chain"]
    assert "4 ± 2.5" in lines[2]


def test_new_cells_take_the_place_of_old_ones():
    old = cells()
    new = cells(methods=(("walk", 7.0),))
    table = merge_cells(old, new)
    assert len(table) == len(old)
    assert set(table[table["method"] == "walk"]["mean"]) == {7.0}
    tuned = merge_cells(table, new.assign(tuned=True, mean=8.0))
    assert len(tuned) == len(old) + len(new)
    shown = shown_cells(tuned)
    assert set(shown[shown["method"] == "walk"]["mean"]) == {8.0}
    assert len(shown) == len(old)


def test_cells_of_before_say_where_their_settings_were_chosen():
    new = cells(methods=(("walk", 7.0),)).assign(tuned=True, tuned_at=600)
    table = merge_cells(cells(methods=(("chain", 1.0),)).assign(tuned=True), new)
    assert dict(zip(table["method"], table["tuned_at"], strict=True)) == {"chain": 120, "walk": 600}
    assert table["tuned_at"].dtype == "int64"


def test_the_page_is_the_same_for_the_same_cells():
    files = benchmark_files(cells(0.5), learned(), "pictures/")
    assert set(files) == {"BENCHMARKS.md", "budget-needle.png"}
    assert files == benchmark_files(cells(0.5), learned(), "pictures/")
    page = files["BENCHMARKS.md"].decode()
    assert "| degree | step 0 | step 9 |" in page
    assert "| 1 | 0.00 ± 0.00 | 0.50 ± 0.00 |" in page
    assert "](pictures/budget-needle.png)" in page
    assert "3 seeds; default settings; commit abc." in page
    assert "- walk: `walk()`" in page


def test_the_page_says_where_settings_were_chosen_and_for_which_budget():
    tuned = cells(0.5).assign(tuned=True)
    tuned["tuned_at"] = tuned["budget"]
    later = (tuned["method"] == "walk") & (tuned["budget"] == 600)
    tuned.loc[later, "settings"] = "walk(sharper)"
    page = benchmark_files(tuned, None, "")["BENCHMARKS.md"].decode()
    assert "3 seeds; settings tuned on two other seeds at 120, 600 evaluations; commit" in page
    assert "- walk: `walk()` at 120; `walk(sharper)` at 600" in page
    assert "- chain: `chain()`" in page.splitlines()
    some = pd.concat([tuned[tuned["method"] == "walk"], cells(methods=(("chain", 1.0),))])
    page = benchmark_files(some, None, "")["BENCHMARKS.md"].decode()
    assert "some settings tuned on two other seeds at 120, 600 evaluations, some the" in page


def test_variants_have_a_table_of_their_own():
    both = pd.concat([cells(0.5), cells(0.25, methods=(("walk: 5 checkpoints", 1.0),))])
    page = benchmark_files(both, None, "")["BENCHMARKS.md"].decode()
    before, after = page.split("## Number, choice and scaling of checkpoints")
    assert "| 5 checkpoints | 0.25 ± 0 | 0.25 ± 0 | 3 |" in after
    assert "5 checkpoints" not in before


@pytest.mark.parametrize(("ours", "theirs", "met"), [(1.0, 0.4, True), (0.9, 0.4, False),
                                                     (1.0, 0.6, False)])  # fmt: skip
def test_a_verdict_is_what_the_cells_say(ours, theirs, met):
    table = pd.concat(
        [
            cells(ours, "needle-5", (("SMC over trajectory", 1.0),)),
            cells(theirs, "needle-5", (("gradient chain", 1.0),)),
        ]
    )
    rows = [row for row in verdicts(summarise(table)) if row.asked.startswith("needle-5, 40")]
    assert [row.met for row in rows] == [met]
    assert f"{ours:.3g} ± 0 (SMC over trajectory)" in rows[0].found


def test_the_evaluations_that_a_rival_quality_takes():
    table = pd.concat(
        [
            cells(1.0, "needle-5", (("SMC over trajectory", 1.0),)),
            cells(0.9, "needle-5", (("gradient chain", 1.0),)),
        ]
    )
    last = verdicts(summarise(table))[-1]
    assert last.met
    assert "needle-5 0.2" in last.found


def test_what_is_missed_has_its_reason_and_what_is_met_has_none():
    rival = cells(0.9, "two-motif", (("SMC over temperature", 1.0),))
    met = cells(1.0, "needle-5", (("SMC over trajectory", 1.0), ("gradient chain", 0.0)))
    ours = cells(1.0, "two-motif", (("trajectory search", 1.0),))
    table = pd.concat([met, ours, rival])
    table.loc[table["problem"] == "two-motif", "budget"] //= 2  # 300 is what is asked about
    lines = verdict_table(summarise(table)).splitlines()
    reasons = [line for line in lines if line.startswith("- ")]
    assert len(reasons) == sum("**no**" in line for line in lines)
    hit = [line for line in reasons if "all other samplers" in line]
    assert "nothing is left to lead by" in hit[0]
    missed = cells(0.5, "needle-5", (("SMC over trajectory", 1.0), ("gradient chain", 0.0)))
    assert "needle-5, 40 passes" in verdict_table(summarise(missed))
    assert "not explained yet" in verdict_table(summarise(missed))


def test_real_promoters_are_asked_for_their_percentile_and_compositions_are_not_discrete():
    promoters = cells(1.0, "sortseq-ball", (("trajectory annealing", 1.0), ("random", 0.0)))
    promoters["budget"] //= 2
    behind = (("trajectory annealing", 0.0), ("random", 1.0))
    blends = pd.concat(cells(1.0, name, behind) for name in ("blends", "superconductor-elites"))
    for percentile, told in ((99.2, "yes"), (98.8, "**no**")):
        promoters["percentile"] = percentile
        asked, speed = verdicts(summarise(pd.concat([promoters, blends])))
        assert asked.asked == "sortseq-ball, 100 gradients: median percentile at least 99.0"
        assert asked.told == told
    assert speed.found.startswith("1 of 1")


def test_a_verdict_says_where_intervals_overlap():
    ours = cells(problem="ackley-10", methods=(("SMC over trajectory", 3.0),))
    rival = cells(problem="ackley-10", methods=(("SMC over temperature", 2.0),))
    ours["best"], rival["best"] = ours["median"], rival["median"]
    assert verdicts(summarise(pd.concat([ours, rival])))[0].told == "yes, but intervals overlap"
    rival["best"] -= 10
    assert verdicts(summarise(pd.concat([ours, rival])))[0].told == "yes"


def test_long_problems_are_judged_by_median_diversity_and_feasibility():
    ours = cells(0.0, "enhancer", (("trajectory annealing", 3.0),), diversity=9.0)
    rival = cells(0.0, "enhancer", (("AdaLead", 2.0),))
    assert verdicts(summarise(pd.concat([ours, rival])))[0].met
    assert not verdicts(summarise(pd.concat([ours.assign(feasible=0.9), rival])))[0].met
