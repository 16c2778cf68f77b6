"""Sampling designs along a predictor's training trajectory: the pure library.

No orchestration, no tracking, no network and no printing happen here; see ``tasks`` for those.
Each room exports its public names, for example ``designlib.sampling.kernels``. The front door,
``sample``, is loaded on first use; importing this package alone is free.

Modules that moved since release 0.1 can still be imported by their old names, with a
`FutureWarning` that gives the new one. Models that were registered then are loaded that way.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designlib.sampling import sample

__all__ = ["sample"]

_KEPT = {
    "selection": "acquisition applicability intervals oracles",
    "notation": "alphabets elements formulas variables",
    "analysis": "counterfactuals",
    "sampling": "drivers kernels ladders objectives targets",
    "benchmarks": "methods problems",
    "candidates": "plates recipes stopping",
    "tables": "splits",
    "predictors": "trajectory",
}
"""Modules of release 0.1 that kept their names, by the package that they are in now."""

_MOVED = {name: [f"{room}.{name}"] for room, names in _KEPT.items() for name in names.split()} | {
    "chemistry": ["notation.chemistry", "config.constraints"],
    "configs": ["config"],
    "configs.own_predictor": ["config.external_predictor"],
    "devices": ["types"],
    "diagnostics": ["analysis", "sampling.diagnostics", "sampling.weights"],
    "diagnostics.convergence": ["sampling.diagnostics"],
    "diagnostics.learning": ["analysis.walsh"],
    "entries": ["candidates.events"],
    "evidence": ["sampling.weights"],
    "fronts": ["selection.pareto"],
    "goals": ["config.objectives"],
    "measurements": ["candidates.results", "config.plates"],
    "predictors.compositions": ["predictors.point_networks"],
    "predictors.mixed": ["predictors.point_networks"],
    "predictors.own": ["predictors.external"],
    "predictors.point_network": ["predictors.point_networks"],
    "predictors.programs": ["predictors.external"],
    "predictors.schedule": ["predictors.training"],
    "problems.ensembles": ["benchmarks.rounds.campaign"],
    "problems.known": ["benchmarks.rounds.campaign"],
    "problems.loops": ["benchmarks.rounds.campaign"],
    "problems.position_weights": ["analysis.position_weights"],
    "problems.proposing": ["benchmarks.rounds.proposers"],
    "problems.ranking": ["predictors.ranking"],
    "record": ["candidates.ledger"],
    "reporting": ["reports"],
    "scoring": ["spaces", "selection.clusters", "selection.oracles"],
    "selection.frames": ["selection.filters"],
    "selection.walk": ["selection.diversity"],
    "synthesis": ["constraints.synthesis", "config.synthesis"],
    "synthesis.config": ["config.synthesis"],
    "synthesis.order": ["candidates.order"],
    "wells": ["config.plates"],
}
"""Where the names of a module of release 0.1 are now, without the leading ``designlib``."""


def __getattr__(name: str) -> Any:
    """Load the front door."""
    if name != "sample":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("designlib.sampling").sample


class _OldNames(MetaPathFinder, Loader):
    """Makes a module under its old name out of those that hold its names now."""

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a name of release 0.1; None for every other module."""
        del path, target
        known = fullname.startswith("designlib.") and _now_at(fullname)
        return ModuleSpec(fullname, self, is_package=True) if known else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""
        del spec

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the names of its successors."""
        now = _now_at(module.__name__)
        warnings.warn(
            f"{module.__name__} is now {' and '.join(now)}; the old name goes with release 0.3",
            FutureWarning,
            stacklevel=2,
        )
        for successor in now:
            try:
                there = importlib.import_module(successor)
            except ModuleNotFoundError:
                raise ModuleNotFoundError(
                    f"{module.__name__} of release 0.1 is gone; CHANGELOG.md says what took its "
                    "place",
                    name=module.__name__,
                ) from None
            names = {k: v for k, v in vars(there).items() if not k.startswith("__")}
            module.__dict__.update(names)


def _now_at(fullname: str) -> list[str]:
    name = fullname.removeprefix("designlib.")
    if name in _MOVED:
        return [f"designlib.{now}" for now in _MOVED[name]]
    head, _, rest = name.partition(".")
    return [f"designlib.{_MOVED[head][0]}.{rest}"] if rest and head in _MOVED else []


sys.meta_path.insert(0, _OldNames())
