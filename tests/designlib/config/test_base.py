"""Settings files of the last release, whose names have changed since."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import ValidationError

from designlib.config import Config


class Walk(Config):
    steps: int = 1

    renamed: ClassVar[Mapping[str, str]] = {"passes": "steps"}
    retired: ClassVar[Mapping[str, str]] = {"tempo": "always fast"}


def test_a_renamed_setting_is_read_with_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Walk.model_validate({"passes": 3}) == Walk(steps=3)
    assert caplog.messages == ["passes is now called steps"]


def test_a_retired_setting_is_ignored_with_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Walk.model_validate({"tempo": "slow"}) == Walk()
    assert caplog.messages == ["tempo is no longer a setting (always fast); ignored"]


def test_both_names_of_a_setting_and_unknown_ones_are_rejected() -> None:
    with pytest.raises(ValidationError, match="passes is the former name of steps; give only"):
        Walk.model_validate({"passes": 3, "steps": 2})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Walk.model_validate({"stride": 3})
