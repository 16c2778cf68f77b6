"""Settings of a campaign's data and of how it is run on machines."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from designlib.config import CompositionReading, Config, TableColumns, Transform
from tasks.inputs.catalogue import read_catalogue

__all__ = ["CompositionTable", "DataConfig", "ExecutionConfig", "NamedDataset", "TableFile"]


class NamedDataset(Config):
    """A data set of the catalogue, on which a campaign is simulated."""

    model_config = ConfigDict(title="Public data set")

    dataset: str = Field(
        default="tfbind8_six6",
        title="Data set",
        description="A table of the data catalogue, data/catalogue.yaml.",
        # A drop-down in the form, of what a campaign can read.
        json_schema_extra={
            "enum": [name for name, entry in read_catalogue().items() if entry.table is not None]
        },
    )
    visible_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Visible share",
        description="Share of the table that the campaign may learn from. The whole table only "
        "judges the candidates.",
    )
    visible: Literal["worst", "random"] = Field(
        default="worst",
        title="Which are visible",
        description="worst: from the worst value up. random: drawn by the seed, like a first "
        "screen of a new system.",
    )


class TableFile(Config):
    """A measured table of your own: CSV, TSV, Parquet or FASTA, also gzipped."""

    model_config = ConfigDict(title="Table of your own")

    path: str = Field(
        min_length=1,
        title="File",
        description="For the command, any path, relative to the configuration file. For the page, "
        "the path inside the folder of tables, DESIGN_TABLES, of the machine of the CPU worker.",
    )
    columns: TableColumns = Field(
        default=TableColumns(),
        title="Columns",
        description="Which column means what; what is left empty is guessed and reported.",
    )
    alphabet: Literal["auto", "dna", "rna", "protein"] = Field(
        default="auto", title="Alphabet", description="auto: told from the letters that occur."
    )
    both_strands: bool = Field(
        default=False,
        title="Both strands",
        description="Whether a sequence and its reverse complement are the same molecule.",
    )
    objective: Literal["maximise", "minimise"] = Field(
        default="maximise", title="Objective", description="Which values are wanted."
    )
    units: str = Field(default="", title="Units", description="Units of the objective, for plots.")
    lowest: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Lowest possible",
        description="Smallest value that can be, in these units; results below it are taken with a "
        "warning. Empty: none.",
    )
    highest: float | None = Field(
        default=None,
        ge=-1e30,
        le=1e30,
        title="Highest possible",
        description="Largest value that can be, in these units; results above it are taken with a "
        "warning. Empty: none.",
    )


class CompositionTable(Config):
    """A measured table of compositions: CSV, TSV or Parquet, also gzipped."""

    model_config = ConfigDict(title="Compositions of your own")

    composition_file: str = Field(
        min_length=1,
        title="File of compositions",
        description="For the command, any path, relative to the configuration file. For the page, "
        "the path inside the folder of tables, DESIGN_TABLES, of the machine of the CPU worker.",
    )
    reading: CompositionReading = Field(
        default=CompositionReading(),
        title="Reading",
        description="Formulas or component columns, and the step in which designs are weighed out.",
    )
    direction: Literal["maximise", "minimise"] = Field(
        default="maximise", title="Direction", description="Which values are wanted."
    )
    unit: str = Field(
        default="", title="Unit", description="Unit of the objective, for tables and plots."
    )
    transform: Transform = Field(
        default="none",
        title="Transform",
        description="log: predictors learn the logarithm of the values, which all have to be above "
        "zero. What is reported is in the original unit.",
    )


class DataConfig(Config):
    """Which measured table the campaign starts from."""

    source: NamedDataset | TableFile | CompositionTable = Field(
        default=NamedDataset(),
        title="Source",
        description="A named data set, or a table of your own: of sequences or of compositions.",
    )


class ExecutionConfig(Config):
    """How the work is spread; none of it changes the result."""

    shards: int = Field(
        default=2, ge=1, le=10_000, title="Shards", description="Parts of the sampling run."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        title="Device",
        description="auto: a GPU where there is one. cuda without a GPU is an error.",
    )
    runner: Literal["threads", "dask", "ray"] = Field(
        default="threads",
        title="Runner",
        description="What runs the shards: threads of the GPU worker's process, or the processes "
        "of a Dask or Ray cluster that share DESIGN_HOME.",
    )
    address: str = Field(
        default="",
        title="Address of the cluster",
        description="Of a Dask scheduler or Ray head that is running; empty: a cluster on the "
        "worker's machine for as long as the run.",
    )

    @model_validator(mode="after")
    def _only_clusters_have_addresses(self) -> ExecutionConfig:
        if self.address and self.runner == "threads":
            raise ValueError("runner: threads has no address; use runner: dask or ray with it")
        return self
