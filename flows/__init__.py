"""Prefect flows: each file chains tasks and reads as a story."""

from tasks.installation.environment import prepare_environment
from tasks.installation.settings import Settings

# Before any flow module imports Prefect, which reads its environment once.
prepare_environment(Settings())
