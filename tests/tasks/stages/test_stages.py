"""Stages: what is done is not done again, what changed or was damaged is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from designlib.config.splits import SplitConfig
from tasks.installation.settings import REPOSITORY, Settings
from tasks.stages import stages
from tasks.stages.code import code_fingerprint
from tasks.stages.stages import StageResult, content_key, finished_stage, open_stage, run_stage

INPUTS = {"file": "abc", "seed": 1}


class Maker:
    """Counts how often a stage is made."""

    def __init__(self, content: bytes = b"made") -> None:
        self.content, self.calls = content, 0

    def __call__(self) -> dict[str, bytes]:
        self.calls += 1
        return {"one.txt": self.content, "two.txt": b"two"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


# ---- keys


@pytest.mark.parametrize(
    "other",
    [
        {"file": "abd", "seed": 1},
        {"file": "abc", "seed": 2},
        {"file": "abc", "seed": "1"},
        {"file": "abc", "seed": 1, "more": None},
        {"file": "abc"},
    ],
)
def test_a_key_changes_with_each_input(other: dict[str, Any]) -> None:
    assert content_key(other) != content_key(INPUTS)


def test_a_key_does_not_depend_on_order_but_on_settings() -> None:
    assert content_key({"b": 1, "a": 2}) == content_key({"a": 2, "b": 1})
    assert content_key({"c": SplitConfig()}) == content_key({"c": SplitConfig(test=0.05)})
    assert content_key({"c": SplitConfig()}) != content_key({"c": SplitConfig(test=0.06)})


def test_the_key_of_a_stage_changes_with_the_code_that_decides_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_stage(settings, "ingest", INPUTS, Maker()).key
    monkeypatch.setattr(stages, "code_fingerprint", lambda *makers: f"code of {makers}")
    assert run_stage(settings, "ingest", INPUTS, Maker()).key != before


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, Path("a"), b"bytes"])
def test_what_cannot_be_hashed_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        content_key({"value": value})


# ---- reuse


def test_a_finished_stage_is_reused(settings: Settings) -> None:
    make = Maker()
    first = run_stage(settings, "ingest", INPUTS, make)
    again = run_stage(settings, "ingest", INPUTS, make)
    assert make.calls == 1
    assert not first.reused
    assert len(first.compute) == 1
    assert again.reused
    assert again.compute == ()
    assert again.files == first.files
    assert again.path("one.txt").read_bytes() == b"made"
    assert finished_stage(settings, "ingest", INPUTS, __name__) == again
    assert finished_stage(settings, "ingest", {**INPUTS, "seed": 2}, __name__) is None
    assert finished_stage(settings, "split", INPUTS, __name__) is None


def test_the_manifest_says_what_went_in(settings: Settings) -> None:
    done = run_stage(settings, "ingest", INPUTS, Maker())
    manifest = json.loads((done.folder / "manifest.json").read_bytes())
    assert manifest == {
        "stage": "ingest",
        "key": done.key,
        "files": done.files,
        "inputs": INPUTS,
        "code": code_fingerprint(__name__),
    }


def test_a_file_that_is_not_there_is_named(settings: Settings) -> None:
    done = run_stage(settings, "ingest", INPUTS, Maker())
    with pytest.raises(KeyError, match=r"no file 'three\.txt', only \['one\.txt', 'two\.txt'\]"):
        done.path("three.txt")


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_file_is_made_again(settings: Settings, damage: str) -> None:
    make = Maker()
    file = run_stage(settings, "ingest", INPUTS, make).path("one.txt")
    if damage == "changed":
        file.write_bytes(b"mode")
    elif damage == "cut":
        file.write_bytes(b"ma")
    else:
        file.unlink()
    again = run_stage(settings, "ingest", INPUTS, make)
    assert make.calls == 2
    assert not again.reused
    assert file.read_bytes() == b"made"


def test_a_stage_that_failed_is_made_again(settings: Settings) -> None:
    def fail() -> dict[str, bytes]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        run_stage(settings, "ingest", INPUTS, fail)
    assert finished_stage(settings, "ingest", INPUTS, __name__) is None
    make = Maker()
    assert not run_stage(settings, "ingest", INPUTS, make).reused
    assert make.calls == 1


def test_leftovers_of_a_killed_process_are_removed(settings: Settings) -> None:
    with open_stage(settings, "train", INPUTS, __name__) as stage:
        stage.write("checkpoint", b"kept")
        (stage.folder / ".123-0a.tmp").write_bytes(b"half")
    with open_stage(settings, "train", INPUTS, __name__) as stage:
        names = {path.name for path in stage.folder.iterdir()}
        assert names == {".lock", "checkpoint"}
        assert stage.result() is None
        done = stage.finish(["checkpoint"])
    assert list(done.files) == ["checkpoint"]


def test_another_process_waits_until_the_stage_is_free(settings: Settings) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from tasks.installation.settings import Settings\n"
        "from tasks.stages.stages import run_stage\n"
        "print('asking', flush=True)\n"
        "done = run_stage(Settings(home=Path(sys.argv[1])), 'train', {'seed': 1},"
        " lambda: {'a.txt': b'theirs'})\n"
        "print(done.reused, done.path('a.txt').read_bytes().decode(), flush=True)\n"
    )
    with open_stage(settings, "train", {"seed": 1}, __name__) as stage:
        other = subprocess.Popen(
            [sys.executable, "-c", script, str(settings.home)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "asking\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
        stage.write("a.txt", b"ours")
        stage.finish(["a.txt"])
    printed, _ = other.communicate(timeout=60)
    assert printed == "True ours\n"
    assert other.returncode == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "../elsewhere"},
        {"name": "train/.."},
        {"key": "../../elsewhere00"},
        {"key": "0" * 15 + "/"},
        {"files": {"../secret": "0"}},
        {"files": {"/etc/passwd": "0"}},
        {"files": {".hidden": "0"}},
    ],
)
def test_a_stage_of_a_stranger_stays_inside_the_folder_of_stages(changed: dict[str, Any]) -> None:
    sound = {"name": "train", "key": "0" * 16, "files": {"a.parquet": "0"}, "reused": True}
    elsewhere = StageResult.model_validate({**sound, "folder": "/etc"})
    assert elsewhere.folder == Settings().stages / "train" / ("0" * 16)
    with pytest.raises(ValidationError):
        StageResult.model_validate({**sound, **changed})


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": {"../a": "0"}}', b"\xff\xfe"]
)
def test_a_damaged_manifest_is_a_stage_that_is_made_again(
    content: bytes, settings: Settings
) -> None:
    done = run_stage(settings, "demo", {"x": 1}, Maker())
    (done.folder / "manifest.json").write_bytes(content)
    again = run_stage(settings, "demo", {"x": 1}, Maker())
    assert again.files == done.files
    assert not again.reused
