"""Settings of a campaign's data and of how it is run on machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from designlib.config import Config, TableReading
from designlib.config.base import notice
from tasks.inputs.catalogue import read_catalogue


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
        default=NamedDataset(), description="A named data set, or a table of your own."
    )


class ExecutionConfig(Config):
    """How the work is spread; none of it changes the result."""

    shards: int = Field(default=2, ge=1, le=10_000, description="Parts of the sampling run.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="auto: a GPU where there is one. cuda without a GPU is an error.",
    )
    runner: str = Field(
        default="threads",
        pattern=r"^(threads|(dask|ray)( \S+)?)$",
        description="What runs the shards: threads of the GPU worker's process; dask or ray, a "
        "cluster on the worker's machine for as long as the run; or a running cluster that shares "
        "DESIGN_HOME, such as 'dask tcp://scheduler:8786' or 'ray ray://head:10001'. For the page, "
        "one that DESIGN_CLUSTERS lists.",
    )

    @model_validator(mode="before")
    @classmethod
    def _former_address(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "address" not in values:
            return values
        notice("address is now part of runner, such as 'dask tcp://scheduler:8786'")
        kept = {name: value for name, value in values.items() if name != "address"}
        runner = f"{kept.get('runner', 'threads')} {values['address']}".strip()
        return {**kept, "runner": runner}

    @property
    def engine(self) -> str:
        """What runs the shards: threads, dask or ray."""
        return self.runner.partition(" ")[0]

    @property
    def address(self) -> str:
        """Where the cluster is; empty for one on the worker's machine."""
        return self.runner.partition(" ")[2]
