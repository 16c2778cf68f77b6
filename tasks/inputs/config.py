"""Settings of a campaign's data and of how it is run on machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from designlib.config import Config, TableReading
from tasks.inputs.catalogue import read_catalogue

__all__ = ["DataConfig", "ExecutionConfig", "NamedDataset", "TableFile"]


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


class TableFile(TableReading):
    """A measured table of your own: CSV, TSV, Parquet or FASTA, also gzipped."""

    model_config = ConfigDict(title="Table of your own")

    renamed: ClassVar[Mapping[str, str]] = {**TableReading.renamed, "composition_file": "path"}

    path: str = Field(
        min_length=1,
        title="File",
        description="For the command, any path, relative to the configuration file. For the page, "
        "the path inside the folder of tables, DESIGN_TABLES, of the machine of the CPU worker.",
    )


class DataConfig(Config):
    """Which measured table the campaign starts from."""

    source: NamedDataset | TableFile = Field(
        default=NamedDataset(),
        title="Source",
        description="A named data set, or a table of your own.",
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
