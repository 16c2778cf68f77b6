"""Candidates and measurements of a small campaign, as its record holds them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from designlib.candidates import Provenance, build_table, design_id
from designlib.notation.alphabets import DNA

ABOUT = {"alphabet": "dna", "length": 4, "both_strands": False, "round_key": "k", "maximise": True}


def candidates(round_: int, *designs: str) -> pa.Table:
    n = len(designs)
    frame = pd.DataFrame(
        {
            "design": designs, "rank": range(1, n + 1), "predicted_mean": 1.0,
            "predicted_std": 0.1, "acquisition": 1.0, "nearest_measured": "AAAA",
            "distance_to_measured": 1, "cluster": 1, "true_value": [0.5] * n,
        }
    )  # fmt: skip
    provenance = Provenance("c", round_, 0, "p", "d", "c", f"key{round_}", "E-score", "a.u.", True)
    return build_table(frame, DNA, provenance)


def row(design: str, value: float | None, **others: Any) -> dict[str, Any]:
    usual = {
        "candidate_id": design_id(design, DNA), "design": design, "plate": "", "well": "",
        "replicate": 1, "objective": "", "outcome": "failed" if value is None else "measured",
        "value": value, "error": None, "note": "", "round": 1, "source": "f.csv", "source_row": 2,
    }  # fmt: skip
    return {**usual, **others}
