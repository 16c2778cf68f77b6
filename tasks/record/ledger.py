"""The ledger of a campaign on disk: a folder of events that are only ever added.

``campaigns/NAME/record`` holds ``000001-proposed-HASH.parquet`` and so on; see
`designlib.candidates.ledger` for their meaning. ``campaigns/NAME/all_rounds.parquet`` and
``.csv`` hold every candidate with its present state; they are made from the events and can be
rebuilt at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from designlib.candidates import Event, Kind, Ledger, content_hash, event_bytes, read_event
from designlib.tables import csv_bytes
from designlib.types import InputError
from tasks.inputs.campaign_config import CAMPAIGN_NAME
from tasks.installation.files import held_folder, parquet_bytes, write_atomically
from tasks.installation.settings import Settings

_NAME = re.compile(r"(\d{6})-(proposed|measured)-([0-9a-f]{16})\.parquet")


class HeldLedger:
    """A ledger that no other process writes to meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.record = _read(folder)

    def append(self, kind: Kind, round_: int, about: Mapping[str, Any], table: pa.Table) -> bool:
        """Add an event unless it is already the latest of its kind; return whether it was added."""
        content = event_bytes(kind, round_, about, table)
        of_round = [e for e in self.record.current if e.kind == kind and e.round == round_]
        if kind == "proposed":
            # The key decides: it is that of data, settings and code. One that was replaced may
            # come back.
            known = [e.about["round_key"] for e in of_round[-1:]] == [about["round_key"]]
        else:
            known = content_hash(content) in {entry.sha256 for entry in of_round}
        if known:
            return False
        number = len(self.record.entries) + 1
        write_atomically(
            self._folder / "record" / f"{number:06d}-{kind}-{content_hash(content)}.parquet",
            content,
        )
        self.record = _read(self._folder)
        return True

    def write_overview(self) -> None:
        """Write every candidate with its present state beside the rounds, if that changed."""
        rows = self.record.candidates().drop(columns=["true_value", "true_percentile"])
        contents = {
            "all_rounds.parquet": parquet_bytes(rows),
            "all_rounds.csv": csv_bytes(rows),
        }
        for name, content in contents.items():
            path = self._folder / name
            if not path.exists() or path.read_bytes() != content:
                write_atomically(path, content)


def campaign_folder(campaign: str) -> Path:
    """Return the folder of a campaign.

    Raises InputError for what cannot be the name of one, such as a path.
    """
    if not re.fullmatch(CAMPAIGN_NAME, campaign):
        raise InputError(
            f"campaign {campaign!r}: a name has up to 64 letters, digits, dots, dashes and "
            "underscores, the first one a letter or digit"
        )
    return Settings().campaigns / campaign


def campaigns() -> list[str]:
    """Return the names of the campaigns that have a folder."""
    names = (path.name for path in Settings().campaigns.glob("*") if path.is_dir())
    return sorted(name for name in names if re.fullmatch(CAMPAIGN_NAME, name))


def load_ledger(campaign: str) -> Ledger:
    """Return the ledger of a campaign as it is now; empty if nothing was proposed.

    Raises InputError for an event that was changed, damaged or removed.
    """
    folder = campaign_folder(campaign)
    return _read(folder) if folder.exists() else Ledger()


@contextmanager
def held_ledger(campaign: str) -> Iterator[HeldLedger]:
    """Hold the ledger of a campaign in order to add to it; wait while another process does."""
    folder = campaign_folder(campaign)
    with held_folder(folder / "record"):
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink()
        _adopt(folder)
        yield HeldLedger(folder)


def _read(folder: Path) -> Ledger:
    entries: list[Event] = []
    for path in _entry_files(folder) or _unrecorded(folder):
        content = path.read_bytes()
        matched = _NAME.fullmatch(path.name)
        number = len(entries) + 1
        if matched and (int(matched[1]) != number or content_hash(content) != matched[3]):
            raise InputError(
                f"{path}: event {number} of the campaign's ledger is missing or was changed; "
                "put the original file back from a copy"
            )
        entries.append(read_event(content, number, str(path)))
    return Ledger(tuple(entries))


def _adopt(folder: Path) -> None:
    """Add the rounds of an earlier release, which kept no ledger."""
    if _entry_files(folder):
        return
    # All files are read before one is written.
    contents = [path.read_bytes() for path in _unrecorded(folder)]
    for number, content in enumerate(contents, start=1):
        name = f"{number:06d}-proposed-{content_hash(content)}.parquet"
        write_atomically(folder / "record" / name, content)


def _entry_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("record/*.parquet") if _NAME.fullmatch(path.name))


def _unrecorded(folder: Path) -> list[Path]:
    """Return the candidate tables of published rounds, oldest first."""
    found = folder.glob("round-*/candidates.parquet")
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))


def round_folder(campaign: str, number: int, key: str) -> Path:
    """Return the folder that people open for the results of a round."""
    return campaign_folder(campaign) / f"round-{number:02d}-{key[:8]}"
