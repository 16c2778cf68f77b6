import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.drivers.archive import EliteArchive
from designlib.sampling.drivers.restarts import restarts
from designlib.sampling.kernels import GibbsWithGradients
from designlib.types import InputError

KERNEL = GibbsWithGradients()


def run(tiny, **settings):
    def fresh(cycle):
        return tiny.space.random(6, torch_generator(cycle, "fresh"))

    defaults = {"cycles": 4, "archive": EliteArchive(3), "entry_rung": 1}
    return list(restarts(tiny.ladder, KERNEL, fresh, 3, range(6), **defaults | settings))


def test_the_archive_only_gets_better_and_holds_the_last_rungs_best(tiny):
    cycles = run(tiny)
    seen = torch.cat([s.designs for cycle in cycles for s in cycle.snapshots])
    target = tiny.ladder[-1].target
    met = seen.unique(dim=0)
    best = target.score(met).sort(descending=True)
    assert torch.equal(cycles[-1].archive.designs, met[best.indices[:3]])
    # Scored in another batch: a network rounds by the size of its batch.
    torch.testing.assert_close(cycles[-1].archive.value, best.values[:3], rtol=1e-12, atol=0)
    tops = [float(cycle.archive.value[0]) for cycle in cycles]
    assert tops == sorted(tops)
    # Nothing is known before the first walk; then half of the chains begin at elites.
    assert [len(cycle.snapshots) for cycle in cycles] == [1, 2, 2, 2]
    assert cycles[0].passes == 3 + 6
    assert cycles[1].passes == cycles[0].passes + (3 * 9 + 3 * 6) / 6


def test_it_goes_on_after_any_cycle(tiny):
    whole = run(tiny, elite_share=1.0)
    rest = run(tiny, elite_share=1.0, after=whole[1])
    assert [cycle.cycle for cycle in rest] == [2, 3]
    assert torch.equal(rest[-1].archive.designs, whole[-1].archive.designs)
    assert rest[-1].passes == whole[-1].passes


def test_wrong_settings_are_refused(tiny):
    with pytest.raises(InputError, match="cycles >= 1"):
        run(tiny, cycles=0)
    with pytest.raises(InputError, match="elite_share from 0 to 1"):
        run(tiny, elite_share=1.5)
