"""Why the comparison does not show all that was asked of it, as far as that was tested."""

from __future__ import annotations

__all__ = ["why"]

_REASONS = {
    ("two-motif", "all other samplers"): (
        "nothing is left to lead by. SMC over temperature has both motifs in all its proposals, "
        "even with 30 evaluations: who resamples a population searches, and for a search this task "
        "is easy. Chains that do not resample, those of the paper's table, stay far below. Smaller "
        "budgets and the ball were tried as harder tasks and do not part the two."
    ),
    ("ehrlich-128", "median at least"): (
        "level in the median, and behind in diversity a method that does not search: Ledidi gives "
        "the measured elites back (0.6 sites from the nearest, 25 distinct ones among 128), which "
        "are worth 0.316 and as far apart as the evolution lines that they come from. Nobody gets "
        "beyond that value: it takes a whole motif, and the predictor, which has seen none, "
        "promises 0.42 for designs worth 0.25 to 0.30, where AdaLead and the genetic algorithm "
        "end, with a diversity of 4. Tried: settings chosen at 120 evaluations (0.211 in the "
        "median at 600), then at 600 (0.316); thirteen of them, with sharper and softer ends, one "
        "population to four, with and without crossover; chains and SMC at fixed sharpness, which "
        "find single designs of 0.45 but a median of 0.25."
    ),
    ("enhancer", "median at least"): (
        "evolution finds designs that the predictor, which learned from 1,000 designs, puts higher "
        "still (1.1 against 0.9, where the truth is 0.45), and they are as often better as worse: "
        "over ten seeds all intervals overlap. Searches along the trajectory stay more diverse. "
        "Tried on four tuning seeds, true median at 600 evaluations, AdaLead 0.55 (its default "
        "0.45): one sharp population with crossover, settings chosen at 600 in place of 120 and "
        "the best of all evaluated designs proposed, 0.53, before 0.49 to 0.52; without early "
        "checkpoints 0.53; softer starts 0.30 to 0.41; two or four populations 0.35 to 0.47; half "
        "of the budget left to AdaLead or the genetic algorithm 0.47 to 0.50; earlier checkpoints "
        "voting on what is proposed, no change on six of eight runs."
    ),
}
"""Reasons by the beginning of what was asked and something else in it."""


def why(asked: str) -> str:
    """Return the reason for which something asked is not met; says so where none was found.

    >>> why("a thing that nobody asked")
    'not explained yet.'
    """
    for (start, within), reason in _REASONS.items():
        if asked.startswith(start) and within in asked:
            return reason
    return "not explained yet."
