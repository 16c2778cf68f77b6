"""Prefect flows: each file chains tasks and reads as a story."""

from tasks.environment import prepare_environment
from tasks.settings import Settings

# Before any flow module imports Prefect, which reads its environment once.
prepare_environment(Settings())
