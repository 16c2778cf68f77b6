"""Files for a vendor: an order sheet and a FASTA file."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from designlib.config import SynthesisConfig
from designlib.constraints.synthesis import verdict as verdict_of
from designlib.tables import csv_bytes
from designlib.types import InputError


class Order(NamedTuple):
    """A batch to be made."""

    wells: pd.DataFrame
    """One row per molecule: ``candidate_id``, ``design`` and, on plates, plate, well, role."""
    candidates: pd.DataFrame
    """The chosen candidates, without controls and references."""
    synthesis: SynthesisConfig | None


def order_sheet(wells: pd.DataFrame, synthesis: SynthesisConfig | None) -> pd.DataFrame:
    """Return one row per molecule to be made: plate, well, name, sequence with adapters, length.

    ``wells`` has ``candidate_id``, ``design`` and, where there is a plate, ``plate``, ``well`` and
    ``role``. Every molecule that was chosen for this batch is checked again.

    Raises InputError for a chosen design that breaks a rule; controls and references may.
    """
    made = synthesis or SynthesisConfig()
    if synthesis is not None:
        for row in wells.itertuples():
            verdict = verdict_of(str(row.design), synthesis)
            if verdict != "ok" and getattr(row, "role", "") not in {"control", "reference"}:
                raise InputError(
                    f"{row.candidate_id} ({row.design}) must not be ordered: {verdict}"
                )
    sequences = [made.molecule(design) for design in wells["design"]]
    columns = [name for name in ("plate", "well") if name in wells]
    return wells[columns].assign(
        name=wells["candidate_id"], sequence=sequences, length=[len(text) for text in sequences]
    )


def fasta(designs: pd.DataFrame, synthesis: SynthesisConfig | None) -> str:
    """Return the molecules of the distinct designs as FASTA, each under its candidate id."""
    made = synthesis or SynthesisConfig()
    once = designs.drop_duplicates("candidate_id")
    pairs = zip(once["candidate_id"], once["design"], strict=True)
    return "".join(f">{name}\n{made.molecule(design)}\n" for name, design in pairs)


def _order_csv(order: Order) -> str:
    return csv_bytes(order_sheet(order.wells, order.synthesis)).decode()


ORDER_FILES: dict[str, Callable[[Order], str]] = {
    "order.csv": _order_csv,
    "candidates.fasta": lambda order: fasta(order.candidates, order.synthesis),
}
"""Text of each file of an order by its name; of these, FASTA is for sequences only."""
