"""Stages over a store: what one host has made, another finds, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.installation.faults import MachineError
from tasks.installation.settings import Settings
from tasks.stages import store
from tasks.stages.stages import StageResult, finished_stage, run_stage

INPUTS = {"seed": 1}


class Hosts:
    """Two hosts with homes of their own and one store; this process is on the second."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.there = Settings(home=folder / "a", store=self.store.as_uri())
        self.here = Settings(home=folder / "b", store=self.store.as_uri())

    def hand_over(self, result: StageResult) -> StageResult:
        """Return a result of the other host as it arrives here, where that host's home is not."""
        self.there.home.rename(self.there.home.with_name("hidden"))
        return StageResult.model_validate_json(result.model_dump_json())

    def kept(self, name: str) -> Path:
        """Return the path of a file of the only stage in the store."""
        (found,) = self.store.rglob(name)
        return found


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    found = Hosts(tmp_path)
    monkeypatch.setenv("DESIGN_STORE", str(found.here.store))
    monkeypatch.setenv("DESIGN_HOME", str(found.here.home))
    monkeypatch.setattr(store, "_PATIENCE_SECONDS", 0.0)
    return found


def make() -> dict[str, bytes]:
    return {"one.txt": b"one", "two.bin": bytes(range(256)) * 9000}


def never() -> dict[str, bytes]:
    raise AssertionError("this was done already")


def test_a_stage_of_another_host_is_not_made_again(hosts: Hosts) -> None:
    first = run_stage(hosts.there, "samples", INPUTS, make)
    second = run_stage(hosts.here, "samples", INPUTS, never)
    assert (second.files, second.reused) == (first.files, True)
    assert second.path("two.bin").is_relative_to(hosts.here.home)
    assert second.path("two.bin").read_bytes() == make()["two.bin"]


def test_a_result_that_was_handed_over_is_fetched_when_it_is_read(hosts: Hosts) -> None:
    arrived = hosts.hand_over(run_stage(hosts.there, "samples", INPUTS, make))
    assert arrived.folder == hosts.here.stages / "samples" / arrived.key
    assert not arrived.folder.exists()
    assert arrived.path("one.txt").read_bytes() == b"one"
    assert arrived.is_intact()


def test_a_result_that_is_nowhere_is_said_to_be(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = hosts.hand_over(run_stage(hosts.there, "samples", INPUTS, make))
    monkeypatch.delenv("DESIGN_STORE")
    assert not arrived.is_intact()
    with pytest.raises(FileNotFoundError, match="DESIGN_STORE where they are on different hosts"):
        arrived.path("one.txt")


def test_a_stage_without_its_manifest_is_not_there(hosts: Hosts) -> None:
    run_stage(hosts.there, "samples", INPUTS, make)
    hosts.kept("manifest.json").unlink()
    assert finished_stage(hosts.here, "samples", INPUTS, __name__) is None
    run_stage(hosts.here, "samples", INPUTS, make)
    assert hosts.kept("manifest.json").exists()


def test_other_bytes_than_the_manifest_says_are_refused(hosts: Hosts) -> None:
    run_stage(hosts.there, "samples", INPUTS, make)
    hosts.kept("one.txt").write_bytes(b"two")
    with pytest.raises(MachineError, match=r"one\.txt in the store has other bytes"):
        run_stage(hosts.here, "samples", INPUTS, never)
    left = [path.name for path in hosts.here.stages.rglob("*") if path.is_file()]
    assert "one.txt" not in left
    assert not any(name.endswith(".tmp") for name in left)


def test_a_stage_is_not_finished_where_the_store_is_away(hosts: Hosts) -> None:
    hosts.store.write_bytes(b"a file where the folder should be")
    with pytest.raises(MachineError, match="check DESIGN_STORE"):
        run_stage(hosts.there, "samples", INPUTS, make)
    assert not list(hosts.there.stages.rglob("manifest.json"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://host/folder", "give it as s3://"),
        ("folder", "give it as s3://"),
        ("s3://key:secret@bucket/folder", "AWS_ACCESS_KEY_ID"),
    ],
)
def test_addresses_that_are_none(address: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(store=address)


def test_an_empty_address_is_no_store() -> None:
    assert Settings(store="").store is None
