"""Laying a batch out: the plate map, and what is ordered, checked once more."""

from __future__ import annotations

import pandas as pd
from prefect import task

from designlib.candidates import ORDER_FILES, Order, design_id, lay_out, read_candidates
from designlib.config import PlateConfig, SynthesisConfig
from designlib.notation import DNA
from designlib.tables import csv_bytes, read_csv
from designlib.types import InputError
from tasks.inputs.round_inputs import RoundInputs
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage
from tasks.stages.table_facts import TableFacts, best_first, load_facts, load_folds


def check_batch(
    measured: StageResult, plate: PlateConfig | None, synthesis: SynthesisConfig | None
) -> None:
    """Raise InputError for controls that are no designs of the table, or rules that do not fit."""
    facts = load_facts(measured)
    if synthesis is not None and facts.alphabet != DNA.name:
        raise InputError(f"synthesis: rules are for DNA; the designs are {facts.designs_are}")
    if plate is not None and plate.controls:
        try:
            facts.space.encode(list(plate.controls))
        except InputError as error:
            raise InputError(f"plate.controls: {error}") from None


@task(name="lay-out-batch")
def lay_out_batch(inputs: RoundInputs, selected: StageResult) -> StageResult | None:
    """Put the batch on plates and write the order; None if the settings ask for neither.

    Raises InputError for a candidate that breaks a rule of synthesis.
    """
    round_, plate, synthesis = inputs.round_, inputs.config.plate, inputs.config.synthesis
    if plate is None and synthesis is None:
        return None

    def make() -> dict[str, bytes]:
        facts = load_facts(inputs.measured)
        table = read_candidates(selected.path("candidates.parquet").read_bytes()).to_pandas()
        wells = table
        contents = {}
        if plate is not None:
            name = f"{round_.campaign}-r{round_.number:02d}"
            controls = _named(list(plate.controls), facts)
            known = best_first(load_folds(inputs.folds), facts)["design"].tolist()
            best = _named(known, facts)
            wells = lay_out(table, best, controls, plate, name, inputs.seed)
            wells = _labelled(wells, table)
            contents["plate.csv"] = csv_bytes(wells)
        order = Order(wells, table, synthesis)
        for file, text in ORDER_FILES.items():
            if file != "candidates.fasta" or facts.alphabet in {"dna", "rna", "protein"}:
                contents[file] = text(order).encode()
        return contents

    depends_on = {
        "selected": selected,
        "folds": inputs.folds,
        "plate": plate,
        "synthesis": synthesis,
        "campaign": round_.campaign,
        "round": round_.number,
        "seed": inputs.seed,
    }
    stage = run_stage(Settings(), "layout", depends_on, make)
    run_logger().info("laid out: %s", ", ".join(sorted(stage.files)))
    return stage


def laid_out(layout: StageResult | None) -> pd.DataFrame | None:
    """Return the plate map of a batch, or None where it has none."""
    if layout is None or "plate.csv" not in layout.files:
        return None
    return read_csv(
        layout.path("plate.csv").read_bytes(), dtype={"label": str}, keep_default_na=False
    )


def _named(designs: list[str], facts: TableFacts) -> pd.DataFrame:
    ids = [design_id(design, facts.kind) for design in designs]
    return pd.DataFrame({"candidate_id": ids, "design": designs}, dtype=object)


def _labelled(wells: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Add what a picture shows in a well: the rank, C for a control, R for a reference."""
    rank = dict(zip(candidates["candidate_id"], candidates["rank"].astype(str), strict=True))
    of_role = {"control": "C", "reference": "R"}
    labels = wells["role"].map(of_role).fillna(wells["candidate_id"].map(rank))
    return wells.assign(label=labels)
