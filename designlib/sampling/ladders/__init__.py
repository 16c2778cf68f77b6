"""Ladders: the sequences of target densities that a driver walks; a file per kind."""

from designlib.sampling.ladders.base import Rung, bridge
from designlib.sampling.ladders.choice import by_function_change, by_log_step, by_smc_criterion
from designlib.sampling.ladders.elites import elite_entry_rung
from designlib.sampling.ladders.fixed import fixed_ladder
from designlib.sampling.ladders.plan import RungPlan, build_ladder, plan_trajectory, rescaled
from designlib.sampling.ladders.product import product_ladder
from designlib.sampling.ladders.temperature import temperature_ladder
from designlib.sampling.ladders.trajectory import trajectory_ladder

__all__ = [
    "Rung",
    "RungPlan",
    "bridge",
    "build_ladder",
    "by_function_change",
    "by_log_step",
    "by_smc_criterion",
    "elite_entry_rung",
    "fixed_ladder",
    "plan_trajectory",
    "product_ladder",
    "rescaled",
    "temperature_ladder",
    "trajectory_ladder",
]
