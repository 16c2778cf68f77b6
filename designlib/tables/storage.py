"""Measured tables as Parquet, for the stages that follow."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from designlib.config import CANONICAL_COLUMNS
from designlib.spaces import DescribedSpace, describe_space
from designlib.tables.measured import MeasuredTable
from designlib.types import InputError

_KEY = b"measured_table"
_VERSION = 1


def to_parquet_bytes(table: MeasuredTable) -> bytes:
    """Return the table as a Parquet file; the same table gives the same bytes.

    NaN is stored as null; what the space is, name, rows read and guesses are in the schema's
    metadata.
    """
    about = {
        "version": _VERSION,
        **describe_space(table.space),
        "name": table.name,
        "rows_read": table.rows_read,
        "value_name": table.value_name,
        "guesses": table.guesses,
    }
    kinds = {"design": pa.string(), "replicates": pa.int64()}
    fields = [pa.field(str(c), kinds.get(str(c), pa.float64())) for c in table.frame.columns]
    schema = pa.schema(fields, metadata={_KEY: json.dumps(about, sort_keys=True)})
    columns = [pa.array(table.frame[f.name], type=f.type, from_pandas=True) for f in fields]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def from_parquet(source: Path | bytes) -> MeasuredTable:
    """Return the measured table that ``to_parquet_bytes`` wrote.

    Raises InputError for a file that is not one.
    """
    name = source.name if isinstance(source, Path) else "measured table"
    try:
        table = pq.read_table(pa.BufferReader(source) if isinstance(source, bytes) else source)
    except (pa.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0]
        raise InputError(f"{name}: not a readable measured table ({detail})") from None
    about = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
    if about is None or tuple(table.column_names[: len(CANONICAL_COLUMNS)]) != CANONICAL_COLUMNS:
        raise InputError(
            f"{name}: not a measured table of this pipeline; read a table of your own with "
            f"parse_table"
        )
    if about["version"] != _VERSION:
        raise InputError(
            f"{name}: measured table of version {about['version']}; version {_VERSION} is read"
        )
    frame = table.replace_schema_metadata(None).to_pandas()
    return MeasuredTable(
        frame=frame.astype({"design": "str"}),
        space=DescribedSpace.model_validate(
            {key: about[key] for key in DescribedSpace.model_fields if key in about}
        ).space,
        name=about["name"],
        rows_read=about["rows_read"],
        value_name=about["value_name"],
        guesses=about["guesses"],
    )
