"""Questions about the designs that chains visited, answered without reading them all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from tasks.stages.rows import query_rows

_FEW = 128


def join_shards(shards: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """Return the rows of all shards in the order of their chains, each from rung to rung."""
    return query_rows("SELECT * FROM shards ORDER BY chain, rung", {"shards": shards})


def read_pool(snapshots: Path, pool_rungs: int) -> Iterator[pd.DataFrame]:
    """Return the distinct designs of the last rungs, each as its latest, lowest chain found it.

    Columns: chain, rung, training_step, start, design and parent_design, which is the start of
    chains from measured designs. Sorted by design.
    """
    query = """
        SELECT chain, rung, training_step, start, design,
            CASE WHEN start = 'elite' THEN start_design END AS parent_design
        FROM snapshots
        WHERE rung > (SELECT max(rung) FROM snapshots) - $rungs
        QUALIFY row_number() OVER (PARTITION BY design ORDER BY rung DESC, chain) = 1
        ORDER BY design
    """
    return query_rows(query, {"snapshots": [snapshots]}, rungs=pool_rungs)


def read_few_chains(snapshots: Path, chains: int = _FEW) -> pd.DataFrame:
    """Return the snapshots of the first chains of each kind of start, enough for a figure."""
    query = """
        SELECT snapshots.* FROM snapshots SEMI JOIN (
            SELECT start, chain FROM (SELECT DISTINCT start, chain FROM snapshots)
            QUALIFY row_number() OVER (PARTITION BY start ORDER BY chain) <= $chains
        ) AS few USING (start, chain)
        ORDER BY chain, rung
    """
    rows = query_rows(query, {"snapshots": [snapshots]}, chains=chains)
    return pd.concat(rows, ignore_index=True)


def sampling_figures(snapshots: Path) -> pd.DataFrame:
    """Return one row per rung: chains, their scores and acceptance, and the share of distinct."""
    query = """
        SELECT rung, count(*) AS chains, avg(acceptance) AS mean_acceptance,
            median(score) AS median_score, max(score) AS best_score,
            count(DISTINCT design) / count(*) AS distinct_share
        FROM snapshots GROUP BY rung ORDER BY rung
    """
    return pd.concat(query_rows(query, {"snapshots": [snapshots]}), ignore_index=True)
