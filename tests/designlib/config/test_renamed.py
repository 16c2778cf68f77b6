"""Settings of release 0.1 that were renamed or retired are read."""

from __future__ import annotations

from typing import Any

import pytest

from designlib.config import Config, SelectionConfig, SplitConfig


@pytest.mark.parametrize(
    ("settings", "former", "present"),
    [
        (SplitConfig, {"scorer": 0.2}, {"validation_model": 0.2}),
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


def test_retired_weights_of_the_selection_are_ignored() -> None:
    former = {"explore_share": 0.2, "explore_weight": 5.0, "diversity_weight": 3.0}
    assert SelectionConfig.model_validate(former) == SelectionConfig(explore_share=0.2)
