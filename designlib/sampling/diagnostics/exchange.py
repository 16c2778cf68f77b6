"""How well replicas travel along a ladder of rungs by exchanging places."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.types import InputError

__all__ = ["round_trips", "swap_rates"]


def swap_rates(
    attempts: Int[Tensor, "*pairs"], accepted: Int[Tensor, "*accepted_pairs"]
) -> Float[Tensor, "*pairs"]:
    """Return the share of attempted swaps that were accepted, by pair of rungs, in float64.

    Parameters
    ----------
    attempts, accepted
        Numbers of attempted and of accepted swaps of each pair of neighbouring rungs.

    Raises
    ------
    InputError
        Different shapes, a pair that was never attempted, or more accepted than attempted.

    Examples
    --------
    >>> swap_rates(torch.tensor([10, 20]), torch.tensor([5, 2])).tolist()
    [0.5, 0.1]
    """
    if attempts.shape != accepted.shape:
        raise InputError(
            f"attempts have shape {tuple(attempts.shape)}, but accepted swaps "
            f"{tuple(accepted.shape)}"
        )
    wrong = ((attempts < 1) | (accepted < 0) | (accepted > attempts)).nonzero()
    if len(wrong):
        pair = tuple(wrong[0].tolist())
        name = ", ".join(str(index + 1) for index in pair)
        raise InputError(
            f"pair {name} has {int(accepted[pair])} accepted of {int(attempts[pair])} attempted "
            "swaps; at least one attempt, and no more accepted than attempted, are needed"
        )
    return accepted.double() / attempts


def round_trips(history: Int[Tensor, "sweeps systems rungs"]) -> Int[Tensor, "systems"]:
    """Return how many round trips the replicas of each system made, int64.

    A replica makes a round trip when it goes from the bottom rung to the top rung and back
    to the bottom. Its way counts from its first visit of the bottom rung on. The more round
    trips per sweep, the better the ladder mixes (Katzgraber, Trebst, Huse and Troyer 2006,
    Feedback-optimized parallel tempering Monte Carlo, J. Stat. Mech. P03018).

    Parameters
    ----------
    history
        ``history[s, m, r]`` is the number, from 0 on, of the replica that sits on rung r of
        system m after sweep s. Rung 0 is the bottom, the last one the top.

    Raises
    ------
    InputError
        Fewer than two rungs, or a sweep where the replicas of a system are not each on
        one rung.

    Examples
    --------
    >>> there, back = [[0, 1]], [[1, 0]]
    >>> round_trips(torch.tensor([there, back, there]))
    tensor([1])
    """
    _, systems, rungs = history.shape
    if rungs < 2:
        raise InputError(f"round trips need at least 2 rungs, not {rungs}")
    _require_permutations(history)
    # Whether each replica has been at the bottom, and at the top since its last time there.
    started = torch.zeros(systems, rungs, dtype=torch.bool, device=history.device)
    reached_top = torch.zeros_like(started)
    trips = torch.zeros(systems, dtype=torch.int64, device=history.device)
    for replicas in history.long():
        bottom, top = replicas[:, :1], replicas[:, -1:]
        trips += reached_top.gather(1, bottom)[:, 0]
        started.scatter_(1, bottom, value=True)
        reached_top.scatter_(1, bottom, value=False)
        reached_top.scatter_(1, top, started.gather(1, top))
    return trips


def _require_permutations(history: Int[Tensor, "sweeps systems rungs"]) -> None:
    rungs = torch.arange(history.shape[2], device=history.device)
    wrong = (history.sort(2).values != rungs).any(2).nonzero()
    if len(wrong):
        sweep, system = wrong[0].tolist()
        raise InputError(
            f"sweep {sweep + 1} of system {system + 1} has replicas "
            f"{history[sweep, system].tolist()} on its rungs; each of 0 to {len(rungs) - 1} is "
            "needed once"
        )
