"""The embedded tables of olymp: how they are taken out of it, and which they are."""

from __future__ import annotations

import hashlib
import importlib.util
from types import ModuleType

import pytest

from tasks.inputs.catalogue import read_catalogue
from tasks.installation.files import sha256_of
from tasks.installation.settings import REPOSITORY


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_olymp_tables", REPOSITORY / "data" / "make_olymp_tables.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_header_is_put_before_the_published_rows(script: ModuleType) -> None:
    made = script.with_header(b"1.0,0.5\r\n0.5,0.25\n", ("a (K)", "b"))
    assert made == b"a (K),b\n1.0,0.5\n0.5,0.25\n"
    with pytest.raises(ValueError, match="row 2 has not 2 numbers"):
        script.with_header(b"1,0\n1,0,0\n", ("a", "b"))


@pytest.mark.parametrize("name", ["photo_pce10", "hplc"])
def test_the_embedded_files_are_the_published_ones_with_headers(
    script: ModuleType, name: str
) -> None:
    (file,) = read_catalogue()[name].files
    embedded = REPOSITORY / "data" / f"{name}.csv"
    assert (file.path, file.sha256) == (embedded.name, sha256_of(embedded))
    header, rows = embedded.read_bytes().split(b"\n", 1)
    assert header.decode().split(",") == list(script.TABLES[name].columns)
    published = {hashlib.sha256(rows).hexdigest(), hashlib.sha256(rows[:-1]).hexdigest()}
    assert script.TABLES[name].member_sha256 in published
