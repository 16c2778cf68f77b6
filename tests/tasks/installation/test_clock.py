"""Where the time of a command went."""

from __future__ import annotations

import random
import time

import pytest

from tasks.installation.clock import CommandClock, command_clock, current_clock, united_seconds
from tasks.installation.environment import PROCESS_STARTED


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.0)], 2.0),
        ([(1.0, 1.0)], 0.0),
        ([(0.0, 2.0), (2.0, 3.0)], 3.0),
        ([(0.0, 10.0), (2.0, 3.0), (4.0, 11.0)], 11.0),
        ([(5.0, 6.0), (0.0, 2.0), (1.0, 3.0)], 4.0),
    ],
)
def test_overlapping_times_count_once(intervals: list[tuple[float, float]], seconds: float) -> None:
    assert united_seconds(intervals) == seconds


def test_the_union_is_that_of_whole_seconds() -> None:
    chosen = random.Random(1)
    for _ in range(50):
        starts = [chosen.randrange(40) for _ in range(chosen.randrange(1, 8))]
        intervals = [(float(start), float(start + chosen.randrange(10))) for start in starts]
        covered = {second for a, b in intervals for second in range(int(a), int(b))}
        assert united_seconds(intervals) == len(covered)


def test_the_parts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 110.0)
    clock = CommandClock(started=100.0, set_up=[(100.0, 103.0), (102.0, 104.0)])
    assert clock.split([(105.0, 107.0), (106.0, 108.0)]) == {
        "total_seconds": 10.0,
        "set_up_seconds": 4.0,
        "compute_seconds": 3.0,
        "orchestration_seconds": 3.0,
    }


def test_each_round_is_counted_from_the_end_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for clock in (CommandClock(started=100.0), current_clock(100.0)):
        for now in (110.0, 130.0):
            monkeypatch.setattr(time, "time", lambda now=now: now)
            told = clock.split([(now - 8.0, now)])
        assert told["total_seconds"] == 20.0
        assert told["orchestration_seconds"] == 12.0
    assert current_clock(100.0).started == 130.0


def test_setting_up_is_counted_even_when_it_fails() -> None:
    clock = CommandClock(started=time.time())
    with pytest.raises(OSError, match="full"), clock.setting_up():
        raise OSError("full")
    assert len(clock.set_up) == 1


def test_a_command_has_one_clock_and_a_flow_outside_has_its_own() -> None:
    assert current_clock(5.0).started == 5.0
    with command_clock() as clock:
        assert current_clock(5.0) is clock
        assert clock.started == PROCESS_STARTED
    assert current_clock(6.0).started == 6.0
