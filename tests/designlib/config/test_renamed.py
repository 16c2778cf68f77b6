"""Settings of release 0.1 whose names have changed are read under their present names."""

from __future__ import annotations

from typing import Any

import pytest

from designlib.config import Config, SelectionConfig, SplitConfig, TrainingConfig


@pytest.mark.parametrize(
    ("settings", "former", "present"),
    [
        (SplitConfig, {"scorer": 0.2}, {"validation_model": 0.2}),
        (TrainingConfig, {"scorer_members": 3}, {"validation_models": 3}),
        (
            SelectionConfig,
            {"spread_weight": 2, "heldout_quantile": 0, "max_spread_quantile": 0.9},
            {"std_weight": 2, "validation_quantile": 0, "max_std_quantile": 0.9},
        ),
    ],
)
def test_settings_of_release_0_1_are_read_under_present_names(
    settings: type[Config], former: dict[str, Any], present: dict[str, Any]
) -> None:
    assert settings.model_validate(former) == settings.model_validate(present) != settings()
