"""Files appear complete or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from designlib.types import InputError
from tasks.installation.files import read_input, sha256_of, write_atomically


def test_bytes_and_writers_are_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "folder" / "a.txt", b"one")
    assert (tmp_path / "new" / "folder" / "a.txt").read_bytes() == b"one"
    write_atomically(tmp_path / "b.txt", lambda file: file.write(b"two"))
    assert (tmp_path / "b.txt").read_bytes() == b"two"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.txt", "new"]


def test_a_new_file_has_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_failing_writer_leaves_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_atomically(target, b"earlier")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        assert target.read_bytes() == b"earlier"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_atomically(target, fail)
    assert target.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_the_longest_possible_name_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 255)
    write_atomically(target, b"1")
    assert target.read_bytes() == b"1"


def test_a_killed_writer_leaves_nothing_that_looks_like_a_result(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib; from tasks.installation.files import write_atomically\n"
        "def slow(file):\n"
        "    file.write(b'half'); file.flush(); print('half', flush=True); time.sleep(60)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), slow)\n"
    )
    target = tmp_path / "table.parquet"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(target)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")
    assert left.suffix == ".tmp"
    assert list(tmp_path.glob("*.parquet")) == []


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 17)
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_inputs_are_read_or_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    assert read_input(tmp_path / "a.csv") == b"x"
    with pytest.raises(InputError, match="is a directory"):
        read_input(tmp_path)
    with pytest.raises(InputError, match=r"b\.csv: there is no such file"):
        read_input(tmp_path / "b.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_input(tmp_path / "a.csv" / "c.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_input(tmp_path / ("x" * 300))
