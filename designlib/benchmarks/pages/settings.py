"""What the benchmark pages show and claim, as docs/benchmarks/page.yaml says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from designlib.config import Config


class Bound(Config):
    """Limits of a number."""

    least: float = float("-inf")
    most: float = float("inf")
    above: float = float("-inf")

    def holds(self, value: float) -> bool:
        """Return whether a number is within them; a strict one has to be exceeded."""
        exceeded = value > self.above or self.above == float("-inf")
        return bool(self.least <= value <= self.most and exceeded)


class Requirement(Config):
    """Limits of one figure of either side, or of the two together."""

    figure: str | None = None
    """By default the claim's."""
    first: Bound | None = None
    second: Bound | None = None
    difference: Bound | None = None
    ratio: Bound | None = None

    def holds(self, first: float, second: float) -> bool:
        """Return whether the figures of both sides are within all limits."""
        checks = (
            (self.first, lambda: first),
            (self.second, lambda: second),
            (self.difference, lambda: first - second),
            (self.ratio, lambda: first / second),
        )
        return all(bound is None or bound.holds(value()) for bound, value in checks)


class Claim(Config):
    """What the best method of one group should show beside the best of another."""

    title: str
    asked: str
    problems: tuple[str, ...]
    budgets: tuple[int, ...] = ()
    """Empty: the largest that a problem has."""
    figure: str
    sides: tuple[str, ...]
    require: tuple[Requirement, ...]
    show_overlap: bool = False
    reasons: Mapping[str, str] | None = None
    """Why it is not met, by problem."""


class Family(Config):
    """Problems that share a section, a table and a figure."""

    title: str
    about: str
    problems: tuple[str, ...]


class Speed(Config):
    """The claim on evaluations that a quality takes."""

    title: str
    asked: str
    most: float
    continuous: tuple[str, ...]


class CampaignClaim(Config):
    """A figure that every seed of an example campaign has to reach."""

    figure: Literal["best_percentile", "median_percentile", "share_of_best", "feasible_share"]
    least: float
    asked: str


class PageSettings(Config):
    """Texts, groups of methods, families of problems, and claims."""

    texts: Mapping[str, str]
    """What introduces pages and sections."""
    round_notes: Mapping[str, str] = {}
    """What readers should know of how settings were chosen by hand, by problem."""

    groups: dict[str, tuple[str, ...] | dict[Literal["except"], tuple[str, ...]]]
    families: tuple[Family, ...]
    claims: tuple[Claim, ...]
    speed: Speed
    campaigns: dict[str, tuple[CampaignClaim, ...]]

    def has(self, group: str, method: str) -> bool:
        """Return whether a method is of a group."""
        names = self.groups[group]
        if isinstance(names, dict):
            return not any(self.has(other, method) for other in names["except"])
        return method in names
