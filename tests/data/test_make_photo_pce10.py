"""The embedded blends: how they are taken out of their package, and which they are."""

from __future__ import annotations

import hashlib
import importlib.util
from types import ModuleType

import pytest

from tasks.catalogue import read_catalogue
from tasks.files import sha256_of
from tasks.settings import REPOSITORY

EMBEDDED = REPOSITORY / "data" / "photo_pce10.csv"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_photo_pce10", REPOSITORY / "data" / "make_photo_pce10.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_header_is_put_before_the_published_rows(script: ModuleType) -> None:
    made = script.with_header(b"1.0,0.0,0.0,0.0,0.5\r\n0.5,0.5,0,0,0.25\n")
    assert made == (b"PCE10,P3HT,PCBM,oIDTBR,degradation\n1.0,0.0,0.0,0.0,0.5\n0.5,0.5,0,0,0.25\n")
    with pytest.raises(ValueError, match="row 2 has not 5 numbers"):
        script.with_header(b"1,0,0,0,2\n1,0,0,0\n")


def test_the_embedded_file_is_the_published_one_with_a_header(script: ModuleType) -> None:
    (file,) = read_catalogue()["photo_pce10"].files
    assert (file.path, file.sha256) == (EMBEDDED.name, sha256_of(EMBEDDED))
    header, rows = EMBEDDED.read_bytes().split(b"\n", 1)
    assert header.decode().split(",") == list(script.COLUMNS)
    published = {hashlib.sha256(rows).hexdigest(), hashlib.sha256(rows[:-1]).hexdigest()}
    assert script.MEMBER_SHA256 in published
