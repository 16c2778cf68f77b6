import pytest
from hypothesis import given
from hypothesis import strategies as st

from designlib.predictors.schedule import log_spaced_steps
from designlib.types import InputError


@given(st.integers(1, 10_000_000), st.integers(2, 300))
def test_steps_rise_from_zero_to_the_end(total, count):
    steps = log_spaced_steps(total, count)
    assert steps[0] == 0
    assert steps[-1] == total
    assert len(steps) <= count
    assert list(steps) == sorted(set(steps))


def test_a_third_and_more_of_the_states_lie_in_the_first_hundredth():
    steps = log_spaced_steps(10_000, 30)
    assert sum(step <= 100 for step in steps) > 0.4 * len(steps)


@pytest.mark.parametrize(("total", "count"), [(0, 5), (10, 1)])
def test_an_empty_schedule_is_refused(total, count):
    with pytest.raises(InputError, match="at least 1 step and 2 checkpoints"):
        log_spaced_steps(total, count)
