"""Prefect flows: each file chains tasks and reads as a story."""

from contextlib import suppress

from pydantic import ValidationError

from tasks.installation.environment import prepare_environment
from tasks.installation.settings import Settings

# Before any flow module imports Prefect, which reads its environment once. A setting that is wrong
# is the answer of the command.
with suppress(ValidationError):
    prepare_environment(Settings())
