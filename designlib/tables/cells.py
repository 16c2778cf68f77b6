"""Cells to numbers and to sequences, with one clear message for the first that is neither."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64

from designlib.config import AlphabetChoice
from designlib.notation import ALPHABETS, DNA, PROTEIN, RNA, Alphabet
from designlib.tables.raw import RawTable, compute
from designlib.types import InputError

LARGEST_NUMBER = 1e30
"""Largest magnitude of a measurement; what is larger cannot be squared in single precision."""

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
"""What a number looks like in a text cell; no NaN, no infinity, no thousands separators."""

_ACCEPTED = "a finite number such as 0.53 or -1.2e-3 is needed"
_IUPAC = "RYSWKMBDHVN"
_NUCLEIC_SHARE = 0.9


def is_text(column: pa.Array) -> bool:
    """Return whether the cells are text."""
    return pa.types.is_large_string(column.type)


def is_numeric(column: pa.Array) -> bool:
    """Return whether the cells have a number type of Parquet's."""
    kind = column.type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def numbers(
    raw: RawTable, column: str, *, positive: bool = False, advice: str = ""
) -> Float64[np.ndarray, " rows"]:
    """Return the cells of a column as finite numbers.

    Raises InputError naming the first cell that is no number, not finite, larger than
    LARGEST_NUMBER or, if ``positive``, not above zero; ``advice`` is added to the message.
    """
    cells = raw.columns[column]
    if is_text(cells):
        cells = compute("utf8_trim_whitespace", cells)
        like = pc.MatchSubstringOptions(NUMBER)
        good = compute("match_substring_regex", cells, options=like).to_numpy(zero_copy_only=False)
        if not good.all():
            raise _not_a_number(raw, column, ~good, advice)
        # Arrow's parser, correctly rounded, takes no leading plus sign.
        plus = pc.ReplaceSubstringOptions(r"^\+", "")
        cells = compute("replace_substring_regex", cells, options=plus)
    elif is_numeric(cells):
        absent = cells.is_null().to_numpy(zero_copy_only=False)
        if absent.any():
            raise _not_a_number(raw, column, absent, advice)
    else:
        raise InputError(
            f"{raw.name}, column {column!r}: the cells have type {cells.type}; {_ACCEPTED}{advice}"
        )
    values = cells.cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all():
        raise _not_a_number(raw, column, ~np.isfinite(values), advice)
    too_large = np.abs(values) > LARGEST_NUMBER
    raw.refuse(too_large, column, f"is too large; at most {LARGEST_NUMBER:g}{advice}")
    if positive:
        raw.refuse(values <= 0, column, f"is not above zero, as it must be{advice}")
    return values


def _not_a_number(raw: RawTable, column: str, bad: np.ndarray, advice: str) -> InputError:
    at = int(np.flatnonzero(bad)[0])
    cell = raw.cell(at, column)
    text = cell.strip("'").strip()
    if not text:
        problem = "the cell is empty"
    elif text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        problem = f"{cell} is not a finite number"
    else:
        problem = f"{cell} is not a number"
    if text.count(",") == 1 and text.replace(",", "").lstrip("+-").isdigit():
        advice = " (write decimals with a point, and no thousands separator)" + advice
    return raw.fault(at, column, f"{problem}; {_ACCEPTED}{advice}{_more(bad)}")


def _more(bad: np.ndarray) -> str:
    """Say how many rows besides the first are bad."""
    others = int(bad.sum()) - 1
    if others < 1:
        return ""
    return f" ({others} more such cell{'s' if others > 1 else ''} in this column)"


def sequences(
    raw: RawTable, column: str, choice: AlphabetChoice
) -> tuple[pa.Array, Alphabet, dict[str, str]]:
    """Return the designs in upper case, their alphabet, and what was decided about letters.

    White space around a sequence is dropped. In DNA a U becomes T, in RNA a T becomes U.
    Raises InputError for an empty cell, for letters outside the alphabet and for lengths that
    differ.
    """
    cells = raw.columns[column]
    if not is_text(cells):
        raise InputError(
            f"{raw.name}, column {column!r}: the cells have type {cells.type}; sequences are text"
        )
    designs = compute("ascii_upper", compute("utf8_trim_whitespace", cells))
    lengths = compute("utf8_length", designs).to_numpy()
    if (lengths == 0).any():
        at = int(np.flatnonzero(lengths == 0)[0])
        problem = f"the cell is empty; a sequence is needed{_more(lengths == 0)}"
        raise raw.fault(at, column, problem)
    counts = np.bincount(_bytes(designs)[0], minlength=256)
    alphabet, notes = _decide(counts, choice)
    for wrong, right in (("U", "T"), ("T", "U")):
        if wrong not in alphabet.letters and right in alphabet.letters and alphabet != PROTEIN:
            if counts[ord(wrong)]:
                notes["letters"] = f"{counts[ord(wrong)]} {wrong} read as {right}"
            options = pc.ReplaceSubstringOptions(wrong, right)
            designs = compute("replace_substring", designs, options=options)
    _check_letters(raw, column, designs, alphabet)
    _check_lengths(raw, column, lengths)
    return designs, alphabet, notes


def _bytes(designs: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return all letters one after the other, and where each design begins and the last ends."""
    _, offsets, data = designs.buffers()
    ends = np.frombuffer(offsets, np.int64)[designs.offset : designs.offset + len(designs) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]], ends - ends[0]


def _decide(counts: np.ndarray, choice: AlphabetChoice) -> tuple[Alphabet, dict[str, str]]:
    """Return the alphabet for these letter counts, and a note if it was guessed."""
    if choice != "auto":
        return ALPHABETS[choice], {}
    seen = {chr(code) for code in np.flatnonzero(counts)}
    protein_only = sorted(seen & set(PROTEIN.letters) - set("ACGTU" + _IUPAC))
    nucleic = sum(int(counts[ord(letter)]) for letter in "ACGTUN") / int(counts.sum())
    # One mistyped letter must not turn a DNA table into a protein table.
    if protein_only and nucleic < _NUCLEIC_SHARE:
        return PROTEIN, {"alphabet": f"protein, as there are letters {', '.join(protein_only)}"}
    if "U" in seen and "T" not in seen:
        return RNA, {"alphabet": "rna, as there are letters U and no T"}
    return DNA, {"alphabet": "dna, by the letters"}


def _check_letters(raw: RawTable, column: str, designs: pa.Array, alphabet: Alphabet) -> None:
    letters, starts = _bytes(designs)
    allowed = np.zeros(256, dtype=bool)
    allowed[np.frombuffer(alphabet.letters.encode(), np.uint8)] = True
    bad = ~allowed[letters]
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    at = int(np.searchsorted(starts, first, side="right")) - 1
    design = designs[at].as_py()
    position = next(i for i, letter in enumerate(design) if letter not in alphabet.letters)
    letter = design[position]
    problem = f"{raw.cell(at, column)} has {letter!r} at position {position + 1}; "
    if letter in _IUPAC and alphabet != PROTEIN:
        problem += "letters that stand for several bases cannot be used; "
    elif letter == "\n":
        problem += "the cell holds a line break, perhaps from a double quote left open; "
    problem += f"letters of {alphabet.name} are {alphabet.letters}"
    problem += _more(np.add.reduceat(bad, starts[:-1]) > 0)
    if alphabet != PROTEIN and letter in PROTEIN.letters:
        problem += ". If these are proteins, set the alphabet to protein"
    raise raw.fault(at, column, problem)


def _check_lengths(raw: RawTable, column: str, lengths: np.ndarray) -> None:
    usual = int(np.bincount(lengths).argmax())
    ragged = lengths != usual
    at = int(ragged.argmax())
    raw.refuse(
        ragged,
        column,
        f"has {lengths[at]} letters where most rows have {usual}; all designs must have one length",
    )
