"""Stand in for a laboratory: write a results file for the candidates of an example campaign.

Looks the waiting candidates up in the SIX6 table, adds noise as an assay does, and lets one well in
twelve fail:

    python data/measure_example.py results/campaigns/two-rounds/all_rounds.csv results.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

NOISE = 0.02
"""Standard error of a measurement, in E-score."""
FAILS = 12


def measure(candidates: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Return one row per waiting candidate: candidate_id, value, error, qc."""
    waiting = candidates[candidates["status"] == "proposed"].reset_index(drop=True)
    noise = np.random.default_rng(len(candidates)).normal(0, NOISE, len(waiting))
    failed = waiting.index % FAILS == FAILS - 1
    value = (truth[waiting["design"]].to_numpy() + noise).round(4)
    return pd.DataFrame(
        {
            "candidate_id": waiting["candidate_id"],
            "value": np.where(failed, np.nan, value),
            "error": np.where(failed, np.nan, NOISE),
            "qc": np.where(failed, "fail", "ok"),
        }
    )


def main(candidates: Path, results: Path) -> None:
    """Measure what waits in one file and write the other."""
    table = pd.read_parquet(Path(__file__).with_name("tfbind8_six6.parquet"))
    rows = measure(pd.read_csv(candidates), table.set_index("design")["e_score"])
    rows.to_csv(results, index=False)
    print(f"{results}: {len(rows)} wells, {(rows['qc'] == 'fail').sum()} failed")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
