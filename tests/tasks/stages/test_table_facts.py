"""The description of a measured table."""

from __future__ import annotations

from tasks.stages.table_facts import TableFacts

RELEASE_0_1 = """{"alphabet": "dna", "length": 8, "components": [], "parts": 0, "name": "a.csv",
"description": "Binding.", "citation": "", "licence": "MIT", "rows_read": 99, "designs": 98,
"guesses": {}, "value_name": "score", "units": "nM", "maximise": false, "both_strands": true,
"visible_share": 0.5, "visible": "random", "truth": "table", "transform": "log",
"bounds": [0.0, null], "goals": null}"""
"""``facts.json`` as release 0.1 (commit 1e3e39f) wrote it."""


def test_facts_of_release_0_1_are_read_and_written_anew() -> None:
    facts = TableFacts.model_validate_json(RELEASE_0_1)
    assert (facts.maximise, facts.both_strands, facts.has_oracle) == (False, True, True)
    assert (facts.source.unit, facts.source.transform) == ("nM", "log")
    assert (facts.source.lowest, facts.source.highest) == (0.0, None)
    assert (facts.source.description, facts.source.visible) == ("Binding.", "random")
    assert TableFacts.model_validate_json(facts.model_dump_json()) == facts
