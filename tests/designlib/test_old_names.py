"""Modules of release 0.1 under their old names."""

from __future__ import annotations

import importlib
import sys

import pytest

import designlib


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("designlib.kernels", "designlib.sampling.kernels", "GibbsWithGradients"),
        ("designlib.kernels.gibbs", "designlib.sampling.kernels.gibbs", "Gibbs"),
        ("designlib.drivers", "designlib.sampling.drivers", "anneal"),
        ("designlib.ladders", "designlib.sampling.ladders", "trajectory_ladder"),
        ("designlib.diagnostics", "designlib.sampling.diagnostics", "r_hat"),
        ("designlib.trajectory", "designlib.predictors.trajectory", "state_from_bytes"),
        ("designlib.scoring", "designlib.spaces.edits", "edits"),
    ],
)
def test_a_name_of_release_0_1_is_the_same_object_and_gives_notice(
    old: str, new: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for loaded in [loaded for loaded in sys.modules if loaded.startswith(old)]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.warns(FutureWarning, match=f"{old} is now .*; the old name goes with release 0.3"):
        module = importlib.import_module(old)
    assert getattr(module, name) is getattr(importlib.import_module(new), name)


@pytest.mark.filterwarnings("ignore:designlib:FutureWarning")
def test_a_module_that_is_gone_points_to_the_changelog() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"release 0\.1 is gone; CHANGELOG\.md says"):
        importlib.import_module("designlib.ladders.product")


@pytest.mark.filterwarnings("ignore:designlib:FutureWarning")
def test_every_old_module_is_found() -> None:
    for name in designlib._MOVED:
        importlib.import_module(f"designlib.{name}")


def test_other_unknown_modules_are_unknown() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named .designlib\.nothing."):
        importlib.import_module("designlib.nothing")
