"""The record of a campaign: what was proposed and what came back, in the order it happened.

The record is a sequence of entries (`designlib.candidates.events`) that only grows. What is true
now follows from them by three rules. A proposal of round k replaces earlier proposals of rounds k
and later, unless one of their candidates was measured in the meantime; it also takes back what an
oracle had measured for those rounds. A later measurement of the same design, plate, well and
replicate corrects an earlier one. A candidate is pending from its proposal until a value or a
failure is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from designlib.candidates.events import MEASUREMENT_COLUMNS, Event

IDENTITY = ["candidate_id", "plate", "well", "replicate", "objective"]
"""What makes two rows the same measurement."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """A campaign's entries, oldest first, and what follows from them."""

    entries: tuple[Event, ...] = ()

    @cached_property
    def current(self) -> tuple[Event, ...]:
        """The entries without those that a later proposal replaced."""
        by_people = [e for e in self.entries if e.kind == "measured" and not e.by_oracle]
        answered = {cid for entry in by_people for cid in entry.rows["candidate_id"]}
        kept: list[Event] = []
        for entry in self.entries:
            if entry.kind == "proposed":
                kept = [e for e in kept if not _replaces(entry, e, answered)]
            kept.append(entry)
        return tuple(kept)

    @property
    def proposals(self) -> list[Event]:
        """The proposals that count, oldest first."""
        return [entry for entry in self.current if entry.kind == "proposed"]

    @property
    def rounds(self) -> int:
        """The latest round that was proposed; 0 before the first."""
        return max((entry.round for entry in self.proposals), default=0)

    @property
    def has_news(self) -> bool:
        """Whether there are measurements that the latest proposal did not know."""
        known = _known(self.proposals[-1]) if self.proposals else 0
        return any(e.kind == "measured" and e.number > known for e in self.current)

    def known_before(self, round_: int) -> int:
        """Return how many entries a round knew when it was first proposed; all that are here if
        it was not yet.
        """
        first = next((e for e in self.proposals if e.round == round_), None)
        return len(self.entries) if first is None else _known(first)

    def first(self, entries: int) -> Ledger:
        """Return the record as it was with its first so many entries, without what was replaced."""
        return Ledger(tuple(e for e in self.current if e.number <= entries))

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """One row per measurement, as last corrected, sorted by what identifies it."""
        found = [e.rows.assign(entry=e.number) for e in self.current if e.kind == "measured"]
        if not found:
            return pd.DataFrame(columns=pd.Index([*MEASUREMENT_COLUMNS, "entry"]))
        rows = pd.concat(found, ignore_index=True)
        return (
            rows.drop_duplicates(IDENTITY, keep="last").sort_values(IDENTITY).reset_index(drop=True)
        )

    def results(self) -> pd.DataFrame:
        """Return one row per measured design: value, spread, replicates, error and round.

        Replicates are averaged, by inverse variance where each has an error; ``round`` is the one
        after which the design was first measured. Further objectives follow under their own names,
        NaN where they were not measured.
        """
        rows = self.measurements
        rows = rows[rows["outcome"] == "measured"]
        results = _summaries(rows[rows["objective"] == ""])
        for objective, group in rows[rows["objective"] != ""].groupby("objective"):
            means = _summaries(group).set_index("design")["value"]
            results[str(objective)] = results["design"].map(means).astype(float)
        return results

    @property
    def objectives(self) -> list[dict[str, Any]]:
        """All objectives as the latest proposal has them, the first one first: ``name``, of which
        the first has its value's, ``maximise``, and ``reference``, from where hypervolumes count.
        """
        return list(self.proposals[-1].about.get("objectives", ())) if self.proposals else []

    def candidates(self) -> pd.DataFrame:
        """Return all candidates that count, with state and measured value as they are now."""
        found = [entry.rows for entry in self.proposals]
        if not found:
            return pd.DataFrame({"candidate_id": [], "design": [], "round": [], "status": []})
        # A design proposed again later counts where it was proposed last.
        rows = pd.concat(found, ignore_index=True).drop_duplicates("candidate_id", keep="last")
        first = self.measurements[self.measurements["objective"] == ""]
        # One good replicate is a measurement, however many failed beside it.
        good = (first["outcome"] == "measured").groupby(first["candidate_id"]).any()
        outcome = {name: "measured" if some else "failed" for name, some in good.items()}
        before = zip(rows["candidate_id"], rows["status"], strict=True)
        results = self.results().set_index("design").reindex(rows["design"])
        columns = {"measured_value": "value", "measured_error": "error"}
        columns |= {f"measured_{one['name']}": one["name"] for one in self.objectives[1:]}
        return rows.assign(
            status=[str(outcome.get(candidate, status)) for candidate, status in before],
            **{
                column: results[name].to_numpy(dtype=float) if name in results else np.nan
                for column, name in columns.items()
            },
        ).reset_index(drop=True)

    def pending(self) -> list[str]:
        """Return the designs that wait for a measurement, sorted."""
        rows = self.candidates()
        return sorted(rows.loc[rows["status"].isin(["proposed", "ordered"]), "design"])

    def overview(self) -> pd.DataFrame:
        """Return one row per round: how many were proposed, measured, failed, and how good.

        Columns: round, proposed, measured, failed, pending, best, median, predicted_median (of
        those measured). ``best`` goes by what the campaign wants, large values or small ones.
        """
        candidates = self.candidates()
        best = "max" if not self.proposals or self.proposals[-1].about["maximise"] else "min"
        rows = []
        for number, batch in candidates.groupby("round"):
            known = batch[batch["status"] == "measured"]
            counts = batch["status"].value_counts()
            rows.append(
                {
                    "round": number,
                    "proposed": len(batch),
                    "measured": len(known),
                    "failed": int(counts.get("failed", 0)),
                    "pending": int(counts.get("proposed", 0) + counts.get("ordered", 0)),
                    "best": known["measured_value"].agg(best) if len(known) else np.nan,
                    "median": known["measured_value"].median(),
                    "predicted_median": known["predicted_mean"].median(),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def design_of(self) -> dict[str, str]:
        """The design of every candidate id that was ever proposed."""
        frames = [entry.rows for entry in self.entries if entry.kind == "proposed"]
        pairs = [frame[["candidate_id", "design"]].to_numpy().tolist() for frame in frames]
        return {candidate: design for frame in pairs for candidate, design in frame}

    @cached_property
    def wells(self) -> dict[tuple[str, str], str]:
        """The design in each plate and well that was laid out."""
        return {
            (plate, well): design
            for entry in self.entries
            for plate, well, design in entry.about.get("wells", ())
        }

    @property
    def plate_size(self) -> int:
        """Wells of the campaign's plates; the largest that there are where it has none."""
        sizes = (entry.about.get("plate_size") for entry in reversed(self.entries))
        return next((size for size in sizes if size is not None), 384)

    def find(self, candidate: str) -> pd.DataFrame:
        """Return every proposal of a candidate id, replaced ones too, oldest first."""
        proposed = (entry.rows for entry in self.entries if entry.kind == "proposed")
        found = [rows[rows["candidate_id"] == candidate] for rows in proposed]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _known(proposal: Event) -> int:
    # Results may be imported while a round is being computed; it has not learned from those.
    return proposal.about.get("known", proposal.number - 1)


def _replaces(new: Event, old: Event, answered: set[str]) -> bool:
    if old.round < new.round:
        return False
    if old.kind == "measured":
        return old.by_oracle
    return not answered & set(old.rows["candidate_id"])


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per design, sorted by design."""
    design, value, error = rows["design"], rows["value"].astype(float), rows["error"].astype(float)
    known = ((error > 0) & (error < np.inf)).groupby(design).transform("all")
    shares = ((error.groupby(design).transform("min") / error) ** 2).where(known, 1.0)
    shares /= shares.groupby(design).transform("sum")
    values, first = value.groupby(design), value.groupby(design).transform("first")
    squares = ((shares * error) ** 2).where(known).groupby(design)
    summaries = {
        # Counted from the first value, so that equal replicates average to exactly that value.
        "value": values.first() + (shares * (value - first)).groupby(design).sum(),
        "spread": values.std(),
        "replicates": values.size(),
        "error": squares.sum(min_count=1) ** 0.5,
        "round": rows["round"].groupby(design).min(),
    }
    return pd.DataFrame(summaries).rename_axis("design").reset_index()
