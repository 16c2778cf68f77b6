"""The problems of the comparison by name, with their data from the catalogue."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from designlib.analysis import Motif, read_motifs
from designlib.benchmarks.methods import METHODS, Method
from designlib.benchmarks.problems import (
    Ackley,
    MeasuredMixtures,
    Problem,
    SortSeq,
    Superconductor,
    TfBind8,
    adversarial_needle,
    disjoint_needles,
    ehrlich,
    enhancer,
    needle,
    polynomial,
    read_compositions,
    two_motif,
)
from designlib.spaces import SimplexSpace
from designlib.types import InputError
from tasks.inputs.catalogue import DataFileError, locate
from tasks.inputs.tables import read_named
from tasks.installation.log import run_logger
from tasks.installation.settings import REPOSITORY, Settings


def _tfbind8() -> Problem:
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    return TfBind8.from_table(table.set_index("design")["e_score"])


def _file(dataset: str) -> Path:
    (path,) = locate(dataset, Settings()).values()
    return path


def _motifs() -> dict[str, Motif]:
    return read_motifs(_file("jaspar_liver").read_text(encoding="ascii"))


def _sortseq(radius: int | None = None) -> Problem:
    return SortSeq.from_table(pd.read_csv(_file("lac_sortseq")), radius=radius)


def _superconductor() -> Problem:
    table = pd.read_csv(_file("supercon_stanev"))
    compositions, _ = read_compositions(table["name"].tolist(), table["Tc"].to_numpy())
    return Superconductor(compositions)


def _mixtures(
    name: str, dataset: str, truth: Literal["table", "nearest"], most: int | None = None
) -> Problem:
    """Return the problem of a campaign on a measured table, of which a tenth is seen."""
    table, facts = read_named(dataset)
    space = facts.space
    if not isinstance(space, SimplexSpace):
        raise TypeError(f"{dataset} is no table of compositions")
    values = table.frame.set_index("design")["value"]
    return MeasuredMixtures(
        name, values, space, truth, facts.maximise, facts.source.transform == "log", most
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "polynomial": polynomial,
    "needle-3": lambda: needle(3),
    "needle-5": lambda: needle(5),
    "needle-8": lambda: needle(8),
    "needle-10": lambda: needle(10),
    "adversarial-needle": adversarial_needle,
    "disjoint-needles": disjoint_needles,
    "ehrlich-32": lambda: ehrlich(32),
    "ehrlich-64": lambda: ehrlich(64),
    "ehrlich-128": lambda: ehrlich(128),
    "ackley-10": Ackley,
    "tfbind8": _tfbind8,
    "two-motif": lambda: two_motif(_motifs()),
    "two-motif-ball": lambda: two_motif(_motifs(), radius=7),
    "enhancer": lambda: enhancer(_motifs()),
    "sortseq": _sortseq,
    "sortseq-ball": lambda: _sortseq(radius=7),
    "superconductor": _superconductor,
    "oer": lambda: _mixtures("oer", "oer_plate_3496", "table", 4),
    "blends": lambda: _mixtures("blends", "photo_pce10", "nearest"),
}
"""What makes each problem."""

_ELITES = "-elites"
_WITH_ELITES = ("tfbind8", "two-motif", "sortseq", "ehrlich-32", "ehrlich-64", "ehrlich-128")
_WITH_ELITES += ("enhancer", "ackley-10", "superconductor")
PROBLEMS |= {f"{name}{_ELITES}": PROBLEMS[name] for name in _WITH_ELITES}


@functools.lru_cache(maxsize=2)
def make_problem(name: str) -> Problem:
    """Return a problem; raise InputError that lists the names for one that is not known."""
    if name not in PROBLEMS:
        raise InputError(f"there is no problem {name!r}; known are {', '.join(PROBLEMS)}")
    return PROBLEMS[name]()


QUICK = ("needle-5", "two-motif", "tfbind8", "ehrlich-32-elites", "ackley-10", "superconductor")
"""Problems of the quick run: one of each kind."""


def starts_from_elites(name: str) -> bool:
    """Return whether methods start from the best measured designs instead of random ones."""
    return name.endswith(_ELITES)


def chosen_problems(what: str) -> tuple[str, ...]:
    """Return the problems that a word of the command line stands for."""
    if what == "all":
        return tuple(PROBLEMS)
    if what == "quick":
        return QUICK
    if what not in PROBLEMS:
        raise InputError(
            f"there is no task {what!r}; accepted are step-cost, orchestration, selection, "
            "campaigns, rounds, checkpoints, digits, mnist, page, quick, all, "
            f"{', '.join(PROBLEMS)}"
        )
    return (what,)


def within_reach(names: Sequence[str]) -> list[str]:
    """Return the problems whose data are here or can be fetched, and tell of the others.

    Raises DataFileError where none is left.
    """
    kept = []
    for name in names:
        try:
            make_problem(name)
        except DataFileError as error:
            if len(names) == 1:
                raise
            run_logger().warning("%s is left out: %s", name, error)
        else:
            kept.append(name)
    if not kept:
        raise DataFileError(f"no data for {', '.join(names)}; see the warnings above")
    return kept


def chosen_methods(names: Sequence[str]) -> list[Method]:
    """Return the methods of these names, or all that are installed.

    Raises InputError for one of the names whose package is not installed.
    """
    defaults = [choices[0] for choices in METHODS.values()]
    if not names:
        return [method for method in defaults if method.installed]
    named = [method for method in defaults if method.name in names]
    for method in named:
        method.require()
    return named


def suits(problem: str, method: Method) -> bool:
    """Return whether a method can work on a problem: some only change letters, or compositions."""
    return isinstance(make_problem(problem).space, method.spaces)
