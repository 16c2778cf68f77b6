"""Constraints from settings."""

import pytest
import torch
from pydantic import ValidationError

from designlib.config.constraints import ConstraintConfig, FixedSite, GCConfig, HammingBallConfig
from designlib.constraints import build
from designlib.notation.alphabets import DNA, PROTEIN
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 8)


def test_nothing_restricts_nothing():
    product = build(ConstraintConfig(), SPACE)
    assert product.members == ()
    assert product.allowed_moves(SPACE.encode(["ACGTACGT"])).all()


def test_every_field_becomes_a_member():
    config = ConstraintConfig(
        hamming_ball=HammingBallConfig(reference="ACGTACGT", radius=2),
        fixed_sites=(FixedSite(position=1, letters="A"), FixedSite(position=8, letters="Y")),
        forbidden_motifs=("GGT",),
        required_motifs=("TACG",),
        forbidden_pairs=("GA", "TY"),
        gc=GCConfig(low=0.25, high=0.75, window=4),
        max_homopolymer=2,
    )
    product = build(config, SPACE)
    names = [member.name for member in product.members]
    assert names == [
        "hamming_ball",
        "fixed_sites",
        "forbidden_motifs",
        "required_motifs",
        "forbidden_pairs",
        "gc",
        "max_homopolymer",
    ]
    designs = {
        "ACGTACGT": [],
        # The other strand has the required motif, and then GGT, which is forbidden.
        "ACGTATGT": [],
        "ACCTACGT": ["forbidden_motifs"],
        "CCGTACGT": ["fixed_sites"],
        "ACGCACGT": ["required_motifs"],
        "ACTTACGT": ["forbidden_pairs"],
        "ACGTACGA": ["fixed_sites", "forbidden_pairs"],
        "ACAGAATT": [
            "hamming_ball",
            "required_motifs",
            "forbidden_pairs",
            "gc",
        ],
    }
    for design, broken in designs.items():
        letters = SPACE.encode([design])
        seen = [member.name for member in product.members if member.violations(letters) != [""]]
        assert seen == broken
        assert product.satisfied(letters).tolist() == [not broken]


def test_one_strand():
    config = ConstraintConfig(forbidden_motifs=("GGT",), motifs_on_both_strands=False)
    assert build(config, SPACE).satisfied(SPACE.encode(["AACCTAAA"])).all()


def test_a_required_motif_on_one_strand():
    designs = SPACE.encode(["AACCTAAA", "AAGGTAAA"])
    either = build(ConstraintConfig(required_motifs=("GGT",)), SPACE)
    assert either.satisfied(designs).all()
    config = ConstraintConfig(required_motifs=("GGT",), required_on_either_strand=False)
    assert build(config, SPACE).satisfied(designs).tolist() == [False, True]


def test_a_protein_has_one_strand():
    space = SequenceSpace(PROTEIN, 4)
    product = build(ConstraintConfig(forbidden_motifs=("NXT",)), space)
    assert product.satisfied(space.encode(["ANGT", "ANGA"])).tolist() == [False, True]
    product = build(ConstraintConfig(required_motifs=("NXT",), forbidden_pairs=("NP",)), space)
    assert product.satisfied(space.encode(["ANGT", "ANGA", "ANPT"])).tolist() == [
        True,
        False,
        False,
    ]


def test_sites_given_twice_must_agree():
    sites = (FixedSite(position=2, letters="R"), FixedSite(position=2, letters="AC"))
    moves = build(ConstraintConfig(fixed_sites=sites), SPACE).allowed_moves(
        SPACE.encode(["AAAAAAAA"])
    )
    assert torch.equal(moves[0, 1], torch.tensor([True, False, False, False]))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            ConstraintConfig(hamming_ball=HammingBallConfig(reference="ACG", radius=2)),
            "^hamming_ball: .*8 are needed",
        ),
        (
            ConstraintConfig(hamming_ball=HammingBallConfig(reference="ACGTACGT", radius=20)),
            "^hamming_ball: radius 20",
        ),
        (
            ConstraintConfig(fixed_sites=(FixedSite(position=9, letters="A"),)),
            "^fixed_sites: position 9 is outside the design; 1 to 8",
        ),
        (
            ConstraintConfig(fixed_sites=(FixedSite(position=2, letters="AX"),)),
            "^fixed_sites: 'AX' has 'X' at position 2",
        ),
        (
            ConstraintConfig(
                fixed_sites=(FixedSite(position=3, letters="A"), FixedSite(position=3, letters="Y"))
            ),
            "^fixed_sites: position 3 is restricted to 'A' and 'Y', which have no letter in common",
        ),
        (ConstraintConfig(forbidden_motifs=("ACGZ",)), "^forbidden_motifs: 'ACGZ' has 'Z'"),
        (
            ConstraintConfig(required_motifs=("A" * 9,)),
            "^required_motifs: motif 'A+' has 9 letters",
        ),
        (
            ConstraintConfig(forbidden_pairs=("CGA",)),
            "^forbidden_pairs: 'CGA' has 3 letters; a pair",
        ),
        (ConstraintConfig(forbidden_pairs=("CX",)), "^forbidden_pairs: 'CX' has 'X' at position 2"),
        (
            ConstraintConfig(forbidden_pairs=("NN",)),
            "^forbidden_pairs: .* no sequence of 2 letters",
        ),
        (ConstraintConfig(gc=GCConfig(low=0.7, high=0.3)), "^gc: "),
        (ConstraintConfig(gc=GCConfig(window=10)), "^gc: a GC window of 10"),
    ],
)
def test_errors_begin_with_the_field(config, message):
    with pytest.raises(InputError, match=message):
        build(config, SPACE)


@pytest.mark.parametrize(
    "raw",
    [
        {"gcc": None},
        {"max_homopolymer": 0},
        {"gc": {"low": -0.1}},
        {"gc": {"window": 0}},
        {"fixed_sites": [{"position": 0, "letters": "A"}]},
        {"fixed_sites": [{"position": 1, "letters": ""}]},
        {"hamming_ball": {"reference": "A", "radius": -1}},
        {"hamming_ball": {}},
        {"required_motifs": "GGT"},
        {"forbidden_pairs": [1]},
    ],
)
def test_settings_are_checked(raw):
    with pytest.raises(ValidationError):
        ConstraintConfig.model_validate(raw)


def test_the_form_explains_every_field():
    schema = ConstraintConfig.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    for model in models:
        for name, field in model["properties"].items():
            assert field.get("description"), name
    assert "required" not in schema
