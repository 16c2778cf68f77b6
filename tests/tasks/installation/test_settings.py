"""Folders of an installation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.installation.settings import REPOSITORY, Settings
from tasks.servers.login import make_login


def test_without_a_word_results_lie_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESIGN_HOME")
    monkeypatch.delenv("DESIGN_DATA_MIRRORS", raising=False)
    settings = Settings()
    assert settings.home == REPOSITORY / "results"
    assert settings.data_mirrors == ()
    assert settings.embedded == REPOSITORY / "data"
    assert (settings.embedded / "tfbind8_six6.parquet").is_file()


def test_folders_follow_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESIGN_HOME", "here")
    settings = Settings()
    assert settings.home == tmp_path / "here"
    for folder in (settings.cache, settings.stages, settings.campaigns):
        assert folder.parent == tmp_path / "here"
    assert not settings.home.exists()


def test_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("DESIGN_HOME", "~/designs")
    assert Settings().home == Path("/home/someone/designs")


def test_mirrors_are_separated_like_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGN_DATA_MIRRORS", os.pathsep.join(["/a", "", "/b c"]))
    assert Settings().data_mirrors == (Path("/a"), Path("/b c"))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().home = Path("/elsewhere")  # pyright: ignore[reportAttributeAccessIssue]


def test_a_login_has_a_name_and_a_long_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGN_LOGIN", "ada:correct-horse:battery")
    settings = Settings()
    assert settings.credentials == ("ada", "correct-horse:battery")
    assert "horse" not in repr(settings)
    for wrong in ("ada", ":long-enough-password", "ada:short"):
        monkeypatch.setenv("DESIGN_LOGIN", wrong)
        with pytest.raises(ValidationError, match="name:password"):
            Settings()
    for none in ("", "off"):
        monkeypatch.setenv("DESIGN_LOGIN", none)
        assert Settings().credentials is None


def test_a_login_that_was_made_is_used_unless_another_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESIGN_LOGIN", raising=False)
    assert make_login(Settings())
    assert not make_login(Settings())
    name, password = (home / "login").read_text().strip().split(":")
    assert Settings().credentials == (name, password)
    monkeypatch.setenv("DESIGN_LOGIN", "off")
    assert Settings().credentials is None
    monkeypatch.setenv("DESIGN_LOGIN", "ada:correct-horse-battery")
    assert Settings().credentials == ("ada", "correct-horse-battery")


def test_servers_bind_to_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESIGN_HOST", raising=False)
    assert Settings().host == "127.0.0.1"


def test_a_database_is_a_postgresql_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGN_DATABASE", "postgresql://ada:secret@db.example:5432/designs")
    database = Settings().database
    assert database is not None
    assert "secret" not in repr(Settings())
    for wrong in ("mysql://ada@db/designs", "postgresql://db.example", "postgresql:///designs"):
        monkeypatch.setenv("DESIGN_DATABASE", wrong)
        with pytest.raises(ValidationError, match="postgresql://name:password@host:port/database"):
            Settings()
    monkeypatch.setenv("DESIGN_DATABASE", "")
    assert Settings().database is None
