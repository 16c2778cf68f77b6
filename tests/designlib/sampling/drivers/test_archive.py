import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.drivers.archive import EliteArchive
from designlib.types import InputError


def test_the_order_of_additions_does_not_matter():
    generator = torch_generator(0)
    designs = torch.randint(3, (200, 4), generator=generator)
    value = designs.double() @ torch.tensor([1.0, 0.1, 0.01, 0.0]).double()
    whole = EliteArchive(10).add(designs, value)
    parts = EliteArchive(10)
    for chunk in torch.randperm(200, generator=generator).split(17):
        parts = parts.add(designs[chunk], value[chunk])
    assert torch.equal(whole.designs, parts.designs)
    assert torch.equal(whole.value, parts.value)
    assert len(whole) == 10
    assert (whole.value[1:] <= whole.value[:-1]).all()
    assert len(whole.designs.unique(dim=0)) == 10
    assert float(whole.value[0]) == float(value.max())


def test_wrong_archives_are_refused():
    with pytest.raises(InputError, match="at least one design, not 0"):
        EliteArchive(0)
    with pytest.raises(InputError, match="a score is NaN"):
        EliteArchive(1).add(torch.zeros(1, 2, dtype=torch.int64), torch.tensor([torch.nan]))
