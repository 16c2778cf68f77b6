"""Summary, verdicts, figures and pages of the comparison, from its benchmark runs alone."""

import math

import pandas as pd
import pytest

from designlib.benchmarks.pages import benchmark_pages, merge, summarise
from designlib.benchmarks.pages.claims import claims_page, verdicts
from designlib.benchmarks.pages.comparison import (
    budget_drawing,
    merit_of,
    quality_table,
    shown_runs,
)


def runs_of(success=math.nan, problem="needle", methods=(("walk", 3.0), ("chain", 1.0)), **more):
    rows = pd.DataFrame(
        [
            (method, budget, seed, quality + seed, quality)
            for method, quality in methods
            for budget in (120, 600)
            for seed in range(3)
        ],
        columns=["method", "budget", "seed", "median", "mean"],
    )
    same = {"evaluations": 100.0, "wall_seconds": 2.0, "cpu_seconds": 1.0, "success": success}
    same |= {"best": 9.0, "percentile": 95.0, "feasible": 1.0, "diversity": 4.0, "novelty": 2.0}
    same |= {"overprediction": 0.5, "tuned": False, "commit": "abc", "machine": "one core"}
    return rows.assign(problem=problem, settings=rows["method"] + "()", **{**same, **more})


def judged(settings, runs):
    return verdicts(summarise("runs", runs), None, settings)


def claims_text(settings, runs):
    return claims_page(judged(settings, runs), settings)


def learned(problem="needle"):
    rows = [
        (seed, step, degree, 0.5 * (step > 0) * (degree == 1))
        for seed in range(2)
        for step in (0, 9)
        for degree in (1, 2)
    ]
    table = pd.DataFrame(rows, columns=["seed", "step", "degree", "learned"])
    return table.assign(problem=problem, cosine=0.0, commit="abc")


def test_what_was_learned_is_replaced_by_problem():
    both = merge("learning", learned("a"), learned("b"))
    assert len(merge("learning", both, learned("b").assign(learned=2.0))) == len(both)


def test_means_and_intervals():
    summary = summarise("runs", runs_of())
    assert len(summary) == 4
    row = summary[(summary["method"] == "walk") & (summary["budget"] == 120)].iloc[0]
    assert row["median"] == 4.0
    # Student's interval of 3, 4, 5: 4.303 / sqrt(3).
    assert row["median_interval"] == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert row["seeds"] == 3
    assert merit_of(summary) == "median"
    assert merit_of(summarise("runs", runs_of(0.5))) == "success"
    assert merit_of(summarise("runs", runs_of(0.01))) == "median"
    assert merit_of(summarise("runs", runs_of(0.95))) == "median"
    assert math.isnan(summarise("runs", runs_of(0.5).head(1))["median_interval"].iloc[0])


def test_what_one_or_two_methods_find_does_not_rank_the_others():
    four = runs_of(methods=(("walk", 3.0), ("chain", 1.0), ("search", 4.0), ("random", 0.0)))
    merits = {("walk",): "median", ("walk", "search"): "median"}
    merits[("walk", "search", "chain")] = "success"
    for finders, merit in merits.items():
        found = four.assign(success=[0.4 if name in finders else 0.0 for name in four["method"]])
        assert merit_of(summarise("runs", found)) == merit


def test_tables_rank_by_the_largest_budget():
    summary = summarise("runs", runs_of())
    assert budget_drawing("needle", summary).png().startswith(b"\x89PNG")
    lines = quality_table(summary)
    assert lines[0] == "| median true value | 120 | 600 | seeds |"
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == ["walk", "chain"]
    assert "4 ± 2.5" in lines[2]


def test_new_runs_take_the_place_of_old_ones():
    old = runs_of()
    new = runs_of(methods=(("walk", 7.0),))
    table = merge("runs", old, new)
    assert len(table) == len(old)
    assert set(table[table["method"] == "walk"]["mean"]) == {7.0}
    tuned = merge("runs", table, new.assign(tuned=True, mean=8.0))
    assert len(tuned) == len(old) + len(new)
    shown = shown_runs(tuned)
    assert set(shown[shown["method"] == "walk"]["mean"]) == {8.0}
    assert len(shown) == len(old)


def test_runs_of_release_0_1_say_where_their_settings_were_chosen():
    new = runs_of(methods=(("walk", 7.0),)).assign(tuned=True, tuned_at=600)
    table = merge("runs", runs_of(methods=(("chain", 1.0),)).assign(tuned=True), new)
    assert dict(zip(table["method"], table["tuned_at"], strict=True)) == {"chain": 120, "walk": 600}
    assert table["tuned_at"].dtype == "int64"


def pages_of(runs, page_settings, learning=None):
    tables = {"runs": runs} if learning is None else {"runs": runs, "learning": learning}
    return benchmark_pages(tables, page_settings, "pictures/")


def test_pages_are_the_same_for_the_same_runs(page_settings):
    pages = pages_of(runs_of(0.5, "needle-5"), page_settings, learned("needle-5"))
    assert set(pages.texts) == {"BENCHMARKS", "claims", "needle-5"}
    assert set(pages.drawings) == {"budget-needle-5", "family-needles-and-polynomials"}
    again = pages_of(runs_of(0.5, "needle-5"), page_settings, learned("needle-5"))
    assert again.texts == pages.texts
    for name, drawing in pages.drawings.items():
        assert drawing.png() == again.drawings[name].png()
    page = pages.texts["needle-5"]
    assert "| degree | step 0 | step 9 |" in page
    assert "| 1 | 0.00 ± 0.00 | 0.50 ± 0.00 |" in page
    assert "](budget-needle-5.png)" in page
    assert "3 seeds; default settings; commit abc." in page
    assert "- walk: `walk()`" in page
    front = pages.texts["BENCHMARKS"]
    assert "](pictures/family-needles-and-polynomials.png)" in front


@pytest.mark.parametrize(("ours", "stand"), [(0.75, "ahead"), (0.5, "level"), (0.25, "behind")])
def test_the_front_page_says_where_the_trajectory_stands(ours, stand, page_settings):
    runs = pd.concat(
        [
            runs_of(ours, "needle-5", (("trajectory search", 1.0),)),
            runs_of(0.5, "needle-5", (("AIS", 1.0),)),
        ]
    )
    front = pages_of(runs, page_settings).texts["BENCHMARKS"]
    row = f"| [needle-5](pictures/needle-5.md) | share found | 600 | {ours} ± 0 (trajectory search)"
    assert f"{row} | 0.5 ± 0 (AIS) | {stand} |" in front
    placed = ["needle-5" if each == stand else "-" for each in ("ahead", "level", "behind")]
    assert f"| Needles and polynomials | most | {' | '.join(placed)} |" in front


def test_the_page_says_where_settings_were_chosen_and_for_which_budget(page_settings):
    tuned = runs_of(0.5).assign(tuned=True)
    tuned["tuned_at"] = tuned["budget"]
    later = (tuned["method"] == "walk") & (tuned["budget"] == 600)
    tuned.loc[later, "settings"] = "walk(sharper)"
    page = pages_of(tuned, page_settings).texts["needle"]
    assert "3 seeds; settings tuned on two other seeds at 120, 600 evaluations; commit" in page
    assert "- walk: `walk()` at 120; `walk(sharper)` at 600" in page
    assert "- chain: `chain()`" in page.splitlines()
    some = pd.concat([tuned[tuned["method"] == "walk"], runs_of(methods=(("chain", 1.0),))])
    page = pages_of(some, page_settings).texts["needle"]
    assert "some settings tuned on two other seeds at 120, 600 evaluations, some the" in page


def test_ablations_have_a_page_of_their_own(page_settings):
    both = pd.concat([runs_of(0.5), runs_of(0.25, methods=(("walk: 5 checkpoints", 1.0),))])
    texts = pages_of(both, page_settings).texts
    assert "| 5 checkpoints | 0.25 ± 0 | 0.25 ± 0 | 3 |" in texts["checkpoints"]
    assert "5 checkpoints" not in texts["needle"]


@pytest.mark.parametrize(
    ("ours", "theirs", "met"), [(1.0, 0.4, True), (0.9, 0.4, False), (1.0, 0.6, False)]
)
def test_a_verdict_is_what_the_runs_say(ours, theirs, met, page_settings):
    table = pd.concat(
        [
            runs_of(ours, "needle-5", (("SMC over trajectory", 1.0),)),
            runs_of(theirs, "needle-5", (("gradient chain", 1.0),)),
        ]
    )
    rows = [row for row in judged(page_settings, (table)) if row.claim.startswith("needle-5, 40")]
    assert [row.met for row in rows] == [met]
    assert f"{ours:.3g} ± 0 (SMC over trajectory)" in rows[0].figures


def test_the_evaluations_that_a_rival_quality_takes(page_settings):
    table = pd.concat(
        [
            runs_of(1.0, "needle-5", (("SMC over trajectory", 1.0),)),
            runs_of(0.9, "needle-5", (("gradient chain", 1.0),)),
        ]
    )
    last = judged(page_settings, (table))[-1]
    assert last.met
    assert "needle-5 0.2" in last.figures


def test_what_is_missed_has_its_reason_and_what_is_met_has_none(page_settings):
    rival = runs_of(0.9, "two-motif", (("SMC over temperature", 1.0),))
    met = runs_of(1.0, "needle-5", (("SMC over trajectory", 1.0), ("gradient chain", 0.0)))
    ours = runs_of(1.0, "two-motif", (("trajectory search", 1.0),))
    table = pd.concat([met, ours, rival])
    table.loc[table["problem"] == "two-motif", "budget"] //= 2  # 300 is what is asked about
    lines = claims_text(page_settings, (table)).splitlines()
    reasons = [line for line in lines if line.startswith("- ")]
    assert len(reasons) == sum("**no**" in line for line in lines)
    hit = [line for line in reasons if "all other samplers" in line]
    assert "nothing is left to lead by" in hit[0]
    missed = runs_of(0.5, "needle-5", (("SMC over trajectory", 1.0), ("gradient chain", 0.0)))
    assert "needle-5, 40 passes" in claims_text(page_settings, (missed))
    assert "not explained yet" in claims_text(page_settings, (missed))


def test_promoters_have_a_percentile_claim_and_compositions_are_not_discrete(
    page_settings,
):
    promoters = runs_of(1.0, "sortseq-ball", (("trajectory annealing", 1.0), ("random", 0.0)))
    promoters["budget"] //= 2
    behind = (("trajectory annealing", 0.0), ("random", 1.0))
    blends = pd.concat(runs_of(1.0, name, behind) for name in ("blends", "superconductor-elites"))
    for percentile, told in ((99.2, "yes"), (98.8, "**no**")):
        promoters["percentile"] = percentile
        asked, speed = judged(page_settings, (pd.concat([promoters, blends])))
        assert asked.claim == "sortseq-ball, 100 gradients: median percentile at least 99.0"
        assert asked.answer == told
    assert speed.figures.startswith("1 of 1")


def test_a_verdict_says_where_intervals_overlap(page_settings):
    ours = runs_of(problem="ackley-10", methods=(("SMC over trajectory", 3.0),))
    rival = runs_of(problem="ackley-10", methods=(("SMC over temperature", 2.0),))
    ours["best"], rival["best"] = ours["median"], rival["median"]
    assert (
        judged(page_settings, (pd.concat([ours, rival])))[0].answer == "yes, but intervals overlap"
    )
    rival["best"] -= 10
    assert judged(page_settings, (pd.concat([ours, rival])))[0].answer == "yes"


def test_long_problems_are_judged_by_median_diversity_and_feasibility(page_settings):
    ours = runs_of(0.0, "enhancer", (("trajectory annealing", 3.0),), diversity=9.0)
    rival = runs_of(0.0, "enhancer", (("AdaLead", 2.0),))
    assert judged(page_settings, (pd.concat([ours, rival])))[0].met
    assert not judged(page_settings, (pd.concat([ours.assign(feasible=0.9), rival])))[0].met
