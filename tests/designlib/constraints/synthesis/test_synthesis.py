"""Synthesis rules, each against sequences that are written down, and against a slow count."""

from __future__ import annotations

import random

import pandas as pd
import pytest
from pydantic import ValidationError

from designlib.candidates.order import fasta, order_sheet
from designlib.config.base import Flanks
from designlib.config.synthesis import CustomRules, SynthesisConfig, VendorRules
from designlib.constraints.synthesis import PRESETS, GCLimit, RuleSet, breaches, rule_set, verdict
from designlib.types import InputError

BSAI = "GGTCTC"


def other_strand(word: str) -> str:
    return word[::-1].translate(str.maketrans("ACGT", "TGCA"))


@pytest.mark.parametrize(
    ("design", "before", "after", "found"),
    [
        ("AAGGTCTCAA", "", "", True),
        ("AAGAGACCAA", "", "", True),  # on the other strand
        ("TCTCAAAA", "AAGG", "", True),  # across the junction before
        ("AAAAGGTC", "", "TCAA", True),  # across the junction after
        ("AAAAGAGA", "", "CCAA", True),
        ("T", "AAGG", "CTCA", True),  # a design inside a site
        ("AAAAAAAA", "GGTCTCA", "TGAGACC", False),  # the adapters' own sites are meant
        ("AAGGTCTAA", "", "", False),
    ],
)
def test_sites_on_both_strands_and_across_junctions(
    design: str, before: str, after: str, found: bool
) -> None:
    assert bool(breaches(design, RuleSet(forbidden=(BSAI,)), before, after)) is found


def test_a_site_in_iupac_letters_is_found_in_every_reading() -> None:
    rules = RuleSet(forbidden=("RAATTY",))
    assert breaches("CCGAATTCCC", rules)
    assert breaches("CCAAATTTCC", rules)
    assert not breaches("CCCAATTGCC", rules)


def test_a_required_motif_may_be_on_either_strand_or_in_an_adapter() -> None:
    rules = RuleSet(required=(BSAI,))
    assert breaches("AAAA", rules) == ["no GGTCTC"]
    assert not breaches("AAGGTCTCAA", rules)
    assert not breaches("AAGAGACCAA", rules)
    assert not breaches("AAAA", rules, before=BSAI)


def test_runs_count_across_junctions() -> None:
    rules = RuleSet(max_run_at=4, max_run_gc=3)
    assert breaches("AAC", rules, before="CAAA") == ["5 A in a row, at most 4"]
    assert breaches("ACGGGG", rules) == ["4 G in a row, at most 3"]
    assert not breaches("AAAAC", rules)
    assert not breaches("CTC", rules, before="AAAAAC")  # in the adapter alone


def test_gc_overall_in_windows_and_at_the_ends() -> None:
    assert breaches("AAAAAG", RuleSet(gc=(GCLimit(0.3, 0.7),))) == ["GC 17%, 30% to 70% needed"]
    windowed = RuleSet(gc=(GCLimit(0.25, 0.75, 4),))
    assert breaches("ACGTAAAAACGT", windowed) == ["GC 0% in 4 letters from 4, 25% to 75% needed"]
    assert not breaches("ACGTACGTACGT", windowed)
    ends = RuleSet(gc=(GCLimit(0.25, 0.75, 4, ends_only=True),))
    assert not breaches("ACGTAAAAACGT", ends)
    assert breaches("ACGTACGTAAAA", ends)


def test_short_units_in_a_row() -> None:
    rules = RuleSet(max_dinucleotides=3, max_trinucleotides=2)
    assert breaches("CACACACA", rules)
    assert not breaches("CACACAGG", rules)
    assert breaches("CAGCAGCAG", rules)
    assert not breaches("AAAAAAAAAAAA", rules)  # a run has a limit of its own


def test_repeats_on_either_strand() -> None:
    rules = RuleSet(max_repeat=5)
    word = "ACCTGA"
    assert breaches(f"{word}TTT{word}", rules)
    assert breaches(f"{word}TTT{other_strand(word)}", rules)
    assert not breaches(f"{word}TTTCCC", rules)
    assert not breaches("GTC", rules, before=f"{word}T{word}")


def test_hairpins_need_a_stem_a_loop_and_to_be_near() -> None:
    rules = RuleSet(hairpin_stem=6, hairpin_window=30)
    word = "ACCTGA"
    assert breaches(f"{word}CCC{other_strand(word)}", rules)
    assert not breaches(f"{word}CC{other_strand(word)}", rules)
    assert not breaches(f"{word}{'C' * 30}{other_strand(word)}", rules)


def test_rules_agree_with_a_slow_count_on_random_sequences() -> None:
    draw = random.Random(0)
    rules = RuleSet(max_repeat=4, hairpin_stem=4, hairpin_window=25)
    for _ in range(300):
        text = "".join(draw.choice("ACGT") for _ in range(draw.randint(5, 30)))
        found = breaches(text, rules)
        words = [(i, text[i : i + 5]) for i in range(len(text) - 4)]
        repeat = any(a == b or a == other_strand(b) for i, a in words for j, b in words if i < j)
        stems = [(i, text[i : i + 4]) for i in range(len(text) - 3)]
        hairpin = any(
            b == other_strand(a) and j - i - 4 >= 3 and j + 4 - i <= 25
            for i, a in stems
            for j, b in stems
            if i < j
        )
        assert any("repeat" in one for one in found) is repeat, text
        assert any("hairpin" in one for one in found) is hairpin, text


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_where_it_is_from_and_refuses_what_cannot_be_made(name: str) -> None:
    rules = PRESETS[name]
    assert rules.source
    draw = random.Random(1)
    usual = "".join(draw.choice("ACGT") for _ in range(120))
    assert not [one for one in breaches(usual, rules) if "repeat" in one]
    assert breaches("A" * 60 + usual, rules)
    assert breaches("GC" * 60, rules)


def test_settings_add_sites_to_the_rules_of_a_vendor() -> None:
    config = SynthesisConfig(rules=VendorRules(vendor="gen9"), forbidden_sites=("gaattc",))
    assert rule_set(config).forbidden == ("GGTCTC", "CACCTGC", "GAATTC")
    own = SynthesisConfig(rules=CustomRules(max_run=3), adapters=Flanks(left=" ac ", right="GT"))
    assert own.molecule("TTT") == "ACTTTGT"
    assert verdict("CAGTTTTCAG", own).startswith("4 T in a row")
    assert verdict("CAGTTTCAG", own) == "ok"


@pytest.mark.parametrize(
    "settings",
    [
        {"adapters": {"left": "ACN"}},
        {"forbidden_sites": ("GGX",)},
        {"forbidden_sites": ("",)},
        {"rules": {"gc": {"low": 0.8, "high": 0.2}}},
        {"rules": {"vendor": "nobody"}},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SynthesisConfig.model_validate(settings)


def test_the_order_sheet_has_adapters_and_refuses_a_breach() -> None:
    wells = pd.DataFrame(
        {
            "plate": "P1",
            "well": ["A1", "A2"],
            "candidate_id": ["c-1", "c-2"],
            "design": ["ACGTC", "GGGGG"],
            "role": ["exploit", "control"],
        }
    )
    config = SynthesisConfig(rules=CustomRules(max_run=3), adapters=Flanks(left="AC", right="T"))
    sheet = order_sheet(wells, config)
    assert sheet["sequence"].tolist() == ["ACACGTCT", "ACGGGGGT"]
    assert sheet["length"].tolist() == [8, 8]
    assert fasta(wells, config) == ">c-1\nACACGTCT\n>c-2\nACGGGGGT\n"
    with pytest.raises(InputError, match=r"c-2 \(GGGGG\) must not be ordered"):
        order_sheet(wells.assign(role="exploit"), config)
    assert order_sheet(wells, None)["sequence"].tolist() == ["ACGTC", "GGGGG"]
