"""Ladders: the sequences of target densities that a driver walks; a file per kind."""

from designlib.ladders.base import Rung, bridge
from designlib.ladders.choice import by_function_change, by_log_step, by_smc_criterion
from designlib.ladders.elites import elite_entry_rung
from designlib.ladders.fixed import fixed_ladder
from designlib.ladders.plan import RungPlan, build_ladder, plan_trajectory, rescaled
from designlib.ladders.product import product_ladder
from designlib.ladders.temperature import temperature_ladder
from designlib.ladders.trajectory import trajectory_ladder

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
