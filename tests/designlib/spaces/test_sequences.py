import pytest
import torch

from designlib.notation.alphabets import DNA, PROTEIN, RNA
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, encode_table, nearest_measured, widened
from designlib.types import InputError


@pytest.mark.parametrize("alphabet", [DNA, RNA, PROTEIN])
def test_encode_and_decode_are_inverse(alphabet):
    space = SequenceSpace(alphabet, 11)
    letters = space.random(50, torch_generator(0, "test"))
    assert torch.equal(space.encode(space.decode(letters)), letters)
    assert torch.equal(space.relax(letters).argmax(2), letters)


def test_a_table_of_letters_takes_a_byte_each_and_reads_as_the_wide_one_does():
    space = SequenceSpace(PROTEIN, 11)
    designs = space.decode(space.random(50, torch_generator(0, "test")))
    table = encode_table(space, designs)
    assert table.dtype == torch.uint8
    assert table.element_size() * table.numel() == 50 * 11
    space.check(table)
    assert torch.equal(widened(table), space.encode(designs))
    assert torch.equal(space.relax(table), space.relax(space.encode(designs)))
    near, wide = (nearest_measured(space, space.encode(designs[:5]), one)
                  for one in (table, widened(table)))  # fmt: skip
    assert (near.row == wide.row).all()


def test_non_contiguous_letters_are_decoded():
    space = SequenceSpace(DNA, 3)
    letters = torch.tensor([[0, 1], [2, 3], [1, 1]]).T
    assert space.decode(letters) == ["AGC", "CTC"]


@pytest.mark.parametrize(
    ("design", "complaint"),
    [("ACG", "3 letters"), ("ACGN", "'N' at position 4"), ("ACGé", "'é' at position 4")],
)
def test_wrong_sequences_are_named(design, complaint):
    with pytest.raises(InputError, match=complaint):
        SequenceSpace(DNA, 4).encode(["ACGT", design])


def test_reverse_complement_twice_is_the_design():
    space = SequenceSpace(DNA, 9)
    letters = space.random(20, torch_generator(0, "test"))
    assert torch.equal(space.reverse_complement(space.reverse_complement(letters)), letters)
    assert space.canonical(["TTTTTTTTT"]) == ["AAAAAAAAA"]
    designs = space.decode(letters)
    other = space.decode(space.reverse_complement(letters))
    assert space.canonical(designs) == [min(pair) for pair in zip(designs, other, strict=True)]
    with pytest.raises(InputError, match="'N' at position 1"):
        space.canonical(["NTTTTTTTT"])


def test_molecules_without_second_strand_say_so():
    with pytest.raises(InputError, match="no complementary strand"):
        SequenceSpace(RNA, 4).canonical(["ACGU"])


def test_an_empty_space_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        SequenceSpace(DNA, 0)


def test_letter_indices_out_of_range_are_named():
    space = SequenceSpace(DNA, 3)
    with pytest.raises(InputError, match="design 2 has letter index 4 at position 3; 0 to 3"):
        space.check(torch.tensor([[0, 1, 2], [0, 0, 4]]))
    with pytest.raises(InputError, match="2 letters; 3 are needed"):
        space.check(torch.zeros(1, 2, dtype=torch.int64))
