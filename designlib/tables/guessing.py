"""Which column is which, where the user did not say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import pyarrow.compute as pc

from designlib.config import TableColumns
from designlib.tables.cells import NUMBER, is_numeric, is_text
from designlib.tables.raw import RawTable, compute, listed
from designlib.types import InputError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names as _plain() writes them: without case, spaces and punctuation.
_DESIGN_NAMES = _words(
    "sequence sequences seq seqs dnasequence rnasequence proteinsequence aasequence ntsequence "
    "nucleotidesequence dna rna protein peptide aptamer oligo insert kmer design designs x"
)
_VALUE_NAMES = _words(
    "value values y score scores activity measurement measured measuredvalue target objective "
    "response output label fitness expression signal intensity fluorescence affinity enrichment "
    "escore yield"
)
_ERROR_NAMES = _words(
    "error err sem se sd std stdev stddev stderr standarderror standarddeviation sigma uncertainty "
    "valueerror valuestd valuesd yerr"
)
_WEIGHT_NAMES = _words("weight weights sampleweight")
_LABEL_NAMES = _words(
    "id ids index idx row rows number no num name plate well replicate replicates rep batch round "
    "rank position pos length count counts n spread seed split fold"
)
_LABEL_ENDINGS = _words("id ids index idx number no name")
_SAMPLE = 1000


def resolve_columns(raw: RawTable, columns: TableColumns) -> tuple[TableColumns, dict[str, str]]:
    """Return ``columns`` with every role filled that has a column, and how each was guessed.

    Names decide first, then content: the one column that looks like sequences, the one that holds
    numbers. Raises InputError when a named column is not there, when one column has two roles, and
    when a guess is ambiguous or fails.
    """
    _check_named(raw, columns)
    if columns.design is None:
        _check_header_is_no_data(raw)
    notes: dict[str, str] = {}
    taken = [c for c in (columns.design, columns.error, columns.weight, *columns.values) if c]
    design = columns.design
    if design is None:
        design, notes["design"] = _guess_design(raw, _free(raw, taken))
        taken.append(design)
    optional = {"error": columns.error, "weight": columns.weight}
    for role, names in (("error", _ERROR_NAMES), ("weight", _WEIGHT_NAMES)):
        found = optional[role] or _by_optional_name(raw, _free(raw, taken), names, role)
        if found is not None and optional[role] is None:
            notes[role] = f"column {found!r}, by its name"
            taken.append(found)
        optional[role] = found
    values = columns.values
    if not values:
        value, notes["value"] = _guess_value(raw, _free(raw, taken))
        values = (value,)
    return TableColumns(design=design, values=values, **optional), notes


def _free(raw: RawTable, taken: Sequence[str]) -> list[str]:
    return [column for column in raw.columns if column not in taken]


def _check_named(raw: RawTable, columns: TableColumns) -> None:
    roles = {"design": columns.design, "error": columns.error, "weight": columns.weight}
    roles |= {f"value {number}": name for number, name in enumerate(columns.values, start=1)}
    seen: dict[str, str] = {}
    for role, name in roles.items():
        if name is None:
            continue
        if name not in raw.columns:
            near = difflib.get_close_matches(name, raw.columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"{raw.name}: there is no column {name!r} (asked for as {role} column); the "
                f"columns are {listed(list(raw.columns))}{hint}"
            )
        if name in seen:
            raise InputError(
                f"{raw.name}: column {name!r} is asked for both as {seen[name]} and as {role} "
                f"column; each needs a column of its own"
            )
        seen[name] = role


def _plain(name: str) -> str:
    """Return a column name without case, units in brackets, spaces and punctuation.

    >>> _plain("E-score"), _plain("Expression (a.u.)")
    ('escore', 'expression')
    """
    without_units = re.sub(r"[(\[].*[)\]]\s*$", "", name.lower())
    return re.sub(r"[\W_]+", "", without_units or name.lower())


def _is_label(name: str) -> bool:
    """Return whether a column's name says that it tells rows apart, as "Seq ID" does.

    >>> _is_label("Seq ID"), _is_label("well"), _is_label("lipid")
    (True, True, False)
    """
    last = re.split(r"[\W_]+", name.lower().strip())[-1]
    return _plain(name) in _LABEL_NAMES or last in _LABEL_ENDINGS


def _guess_design(raw: RawTable, free: list[str]) -> tuple[str, str]:
    texts = [c for c in free if is_text(raw.columns[c])]
    named = [c for c in texts if _plain(c) in _DESIGN_NAMES or re.fullmatch(r"\d+mer", _plain(c))]
    if len(named) > 1:
        named = [c for c in named if _share(raw, c, "^[A-Za-z]+$") > 0.5] or named
    if len(named) == 1:
        return named[0], f"column {named[0]!r}, by its name"
    looks = named or [c for c in texts if _share(raw, c, "^[ACGTUNacgtun]{3,}$") >= 0.9]
    looks = looks or [c for c in texts if _looks_like_protein(raw, c)]
    advice = "that holds the sequences (setting columns.design)"
    return _only(raw, looks, "looks like sequences", "the sequences", advice)


def _looks_like_protein(raw: RawTable, column: str) -> bool:
    """Return whether cells are varied words of amino acids, which no label column has."""
    sample = raw.columns[column].slice(0, _SAMPLE)
    varied = len(sample.unique()) > len(sample) / 2
    return varied and _share(raw, column, "^(?i:[ACDEFGHIKLMNPQRSTVWY]{5,})$") >= 0.9


def _guess_value(raw: RawTable, free: list[str]) -> tuple[str, str]:
    named = [c for c in free if _plain(c) in _VALUE_NAMES]
    if len(named) > 1:
        named = [c for c in named if _looks_numeric(raw, c)] or named
    if len(named) == 1:
        return named[0], f"column {named[0]!r}, by its name"
    looks = named or [c for c in free if not _is_label(c) and _looks_numeric(raw, c)]
    advice = "to optimise (setting columns.values, the objective first)"
    return _only(raw, looks, "holds measured numbers", "the measured value", advice)


def _only(raw: RawTable, looks: list[str], like: str, what: str, advice: str) -> tuple[str, str]:
    """Return the one column that looks right, and how it was guessed; raise InputError if not."""
    if len(looks) == 1:
        return looks[0], f"column {looks[0]!r}, the only one that {like}"
    several = f"several columns could hold {what}: {listed(looks)}"
    raise InputError(
        f"{raw.name}: {several if looks else f'no column {like}'}. "
        f"Columns: {listed(list(raw.columns))}. Name the one {advice}"
    )


def _by_optional_name(
    raw: RawTable, free: list[str], names: frozenset[str], role: str
) -> str | None:
    """Return the column of that name if there is one with any cell filled."""
    found = [c for c in free if _plain(c) in names and not _is_blank(raw, c)]
    if len(found) > 1:
        raise InputError(
            f"{raw.name}: several columns could hold the {role} of a measurement: "
            f"{listed(found)}. Name the one to use (setting columns.{role})"
        )
    return found[0] if found else None


def _is_blank(raw: RawTable, column: str) -> bool:
    cells = raw.columns[column]
    return cells.null_count == len(cells) or (is_text(cells) and _share(raw, column, r"^\s*$") == 1)


def _looks_numeric(raw: RawTable, column: str) -> bool:
    """Return whether most cells are numbers; a few bad ones get their own message later."""
    if is_text(raw.columns[column]):
        return _share(raw, column, rf"^\s*{NUMBER[1:-1]}\s*$") > 0.5
    return is_numeric(raw.columns[column])


def _share(raw: RawTable, column: str, pattern: str) -> float:
    """Return the share of the first cells that match, whitespace around them aside."""
    sample = compute("utf8_trim_whitespace", raw.columns[column].slice(0, _SAMPLE))
    options = pc.MatchSubstringOptions(pattern)
    hits = compute("match_substring_regex", sample, options=options)
    return float(hits.to_numpy(zero_copy_only=False).mean())


def _check_header_is_no_data(raw: RawTable) -> None:
    names = list(raw.columns)
    sequence = any(re.fullmatch("(?i:[ACGTU]{3,})", name) for name in names)
    if sequence and any(re.fullmatch(NUMBER, name) for name in names):
        raise InputError(
            f"{raw.name}: the first line ({listed(names)}) looks like a measurement; it must hold "
            f"the column names, such as design,value"
        )
