"""The candidate table: one versioned schema, content-hash ids, byte-identical Parquet.

A table holds one batch of one round, in rank order. Nothing that differs between
two runs of the same configuration, seed and data (a time, a host, a run id) may go
into it; ``round_key`` is what the tracking server's run carries to find its table.
"""

from designlib.candidates.building import build_table, design_id
from designlib.candidates.columns import (
    COLUMNS,
    SCHEMA_VERSION,
    Column,
    Provenance,
    up_to_date,
)
from designlib.candidates.events import (
    Event,
    Kind,
    content_hash,
    event_bytes,
    measurement_table,
    read_event,
)
from designlib.candidates.files import (
    describe_columns,
    read_candidates,
    readable,
    to_csv_bytes,
    to_parquet_bytes,
)
from designlib.candidates.ledger import Ledger
from designlib.candidates.order import ORDER_FILES, Order, fasta, order_sheet
from designlib.candidates.plates import PLATE_ROLES, lay_out
from designlib.candidates.recipes import (
    check_recipe,
    component_columns,
    recipe_sheet,
    variable_units,
)
from designlib.candidates.stopping import reason_to_stop

__all__ = [
    "COLUMNS",
    "ORDER_FILES",
    "PLATE_ROLES",
    "SCHEMA_VERSION",
    "Column",
    "Event",
    "Kind",
    "Ledger",
    "Order",
    "Provenance",
    "build_table",
    "check_recipe",
    "component_columns",
    "content_hash",
    "describe_columns",
    "design_id",
    "event_bytes",
    "fasta",
    "lay_out",
    "measurement_table",
    "order_sheet",
    "read_candidates",
    "read_event",
    "readable",
    "reason_to_stop",
    "recipe_sheet",
    "to_csv_bytes",
    "to_parquet_bytes",
    "up_to_date",
    "variable_units",
]
