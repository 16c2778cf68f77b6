"""Names of wells: a row letter and a column number."""

from __future__ import annotations

import re

from designlib.errors import InputError

__all__ = ["PLATE_FORMATS", "read_well", "well_name"]

PLATE_FORMATS = {96: (8, 12), 384: (16, 24)}
"""Rows and columns of a plate by its number of wells (ANSI/SLAS 4-2004)."""

_WELL = re.compile(r"([A-Z])0*([1-9]\d*)")


def read_well(text: str, wells: int = 384) -> str:
    """Return the usual name of a well, such as ``B7`` for ``b07``.

    Raises InputError for what is no name of a well and for one outside the plate.

    >>> read_well("b07")
    'B7'
    """
    rows, columns = PLATE_FORMATS[wells]
    last = well_name(rows - 1, columns - 1)
    matched = _WELL.fullmatch(text.strip().upper())
    if matched is None:
        raise InputError(f"{text!r} is no well; A1 to {last} are accepted")
    row, column = ord(matched[1]) - ord("A"), int(matched[2]) - 1
    if row >= rows or column >= columns:
        raise InputError(f"well {text!r} is outside a plate of {wells} wells, A1 to {last}")
    return well_name(row, column)


def well_name(row: int, column: int) -> str:
    """Return the name of a well by its row and column, both from 0.

    >>> well_name(7, 11)
    'H12'
    """
    return f"{chr(ord('A') + row)}{column + 1}"
