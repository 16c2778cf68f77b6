"""What filtering many designs and choosing a diverse batch takes in time and memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from prefect import task

from designlib.config import SelectionConfig
from designlib.notation import DNA
from designlib.randomness import numpy_generator
from designlib.selection import Measured, choose_designs
from designlib.spaces import SequenceSpace
from tasks.benchmarks.measurements import store_measurement
from tasks.installation.log import run_logger
from tasks.installation.settings import REPOSITORY
from tasks.stages.rows import ROWS, read_rows, write_rows

SIZES = (1_000_000, 3_000_000, 10_000_000)
_SPACE = SequenceSpace(DNA, 40)
_CONFIG = SelectionConfig(batch_size=384, min_distance=4, max_std_quantile=0.95)
_MEASURED = 10_000


@task(name="measure-selection")
def measure_selection(sizes: tuple[int, ...] = SIZES) -> Path:
    """Time the filters and the choice of a diverse 384 on made-up designs; return the file.

    The designs are 40 letters of DNA with random predictions, of which some 60 % are rejected.
    Each size runs in a process of its own, whose largest memory is kept.
    """
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            scored = Path(scratch) / "scored.parquet"
            with scored.open("wb") as file:
                write_rows(_designs(size), file)
            command = [sys.executable, "-m", "tasks.benchmarks.selection_cost", str(scored)]
            answer = subprocess.run(  # noqa: S603 - our own module
                command, cwd=REPOSITORY, check=True, capture_output=True, text=True
            ).stdout
        rows.append({"designs": size, **json.loads(answer)})
        run_logger().info("%(designs)d designs: %(seconds).0f s, %(mebibytes)d MiB", rows[-1])
    return store_measurement("selection", batch=_CONFIG.batch_size, rows=rows)


def _designs(size: int) -> Iterator[pd.DataFrame]:
    generator = numpy_generator(0, "selection-cost")
    measured = _random_sequences(generator, _MEASURED)
    for first in range(0, size, ROWS):
        count = min(ROWS, size - first)
        mean = generator.normal(size=count)
        yield pd.DataFrame(
            {
                "chain": np.arange(first, first + count),
                "rung": 63,
                "training_step": 400,
                "start": "elite",
                "design": _random_sequences(generator, count),
                "parent_design": measured[generator.integers(_MEASURED, size=count)],
                "predicted_mean": mean,
                "predicted_std": generator.gamma(2.0, 0.1, size=count),
                "validation_score": mean + generator.normal(size=count),
                "nearest_measured": measured[generator.integers(_MEASURED, size=count)],
                "distance_to_measured": generator.integers(13, size=count),
                "constraint_gc": np.where(
                    generator.random(count) < 0.97, "ok", "GC is 72 %, 30 % to 70 % are accepted"
                ),
                "sampler": "annealed walk",
            }
        )


def _random_sequences(generator: np.random.Generator, count: int) -> np.ndarray:
    letters = generator.integers(4, size=(count, _SPACE.length))
    return np.array(_SPACE.decode(torch.from_numpy(letters)), dtype=object)


def _choose(scored: Path) -> dict[str, float]:
    """Choose a batch as a campaign does, and return seconds and the memory at its largest."""
    started, computed = time.monotonic(), time.process_time()
    scores = numpy_generator(0, "validation").normal(size=_MEASURED)
    measured = Measured(
        space=_SPACE,
        both_strands=True,
        maximise=True,
        goals=None,
        distance_units="letters",
        members=[],
        folds=pd.DataFrame({"fold": ["predictor"], "value": [0.0]}),
        checked=pd.DataFrame({"fold": "validation_model", "validation_score": scores}),
    )
    with tempfile.TemporaryFile() as file:
        choice = choose_designs(
            partial(read_rows, scored), measured, _CONFIG, 0, lambda parts: write_rows(parts, file)
        )
    report = choice.figures.batch
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - computed, 1),
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "survivors": report.survivors,
        "chosen": report.chosen,
        "min_distance_used": report.min_distance_used,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_choose(Path(sys.argv[1]))))
