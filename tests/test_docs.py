"""What the pages show is true: code runs, settings are valid, commands and files exist."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tasks.inputs.campaign_config import CampaignConfig
from tasks.installation.settings import Settings

ROOT = Path(__file__).parents[1]
FOLLOWED_IN_A_COPY = ROOT / "docs" / "extending.md"
"""Its blocks make files; tests/test_extending.py runs them."""
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {FOLLOWED_IN_A_COPY})]
_NOT_RUN = "<!-- not run"
"""Before a block that needs results which the test does not have."""
_FENCE = re.compile(r"(?P<before>[^\n]*)\n*^```(?P<kind>\w+)\n(?P<code>.*?)^```", re.M | re.S)
_CONSTRAINTS = {
    name
    for kind in ("ConstraintConfig", "CompositionConstraints")
    for name in CampaignConfig.model_json_schema()["$defs"][kind]["properties"]
}
_OURS = r"(?:designlib|tasks|flows|data|docs)/[\w./-]+"


class Block(NamedTuple):
    page: str
    kind: str
    code: str
    runs: bool


def _blocks(kind: str) -> Iterator[Block]:
    for page in PAGES:
        for found in _FENCE.finditer(page.read_text()):
            if found["kind"] == kind:
                runs = not found["before"].startswith(_NOT_RUN)
                yield Block(str(page.relative_to(ROOT)), kind, found["code"], runs)


def _name(block: Block) -> str:
    return f"{block.page}-{block.code.split(maxsplit=1)[0]}"


@pytest.mark.parametrize("block", [b for b in _blocks("python") if b.runs], ids=_name)
def test_python_on_a_page_runs(block, capsys):
    exec(compile(block.code, block.page, "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("block", [b for b in _blocks("python") if not b.runs], ids=_name)
def test_python_that_needs_results_compiles_and_its_imports_exist(block):
    compile(block.code, block.page, "exec")
    for line in re.findall(r"^(?:from|import) .*$", block.code, re.M):
        exec(line, {})


@pytest.mark.parametrize("block", [*_blocks("yaml")], ids=_name)
def test_settings_in_a_block_are_valid_under_their_present_names(block, caplog):
    if "my_promoters:" in block.code or block.code.startswith("  table:"):
        pytest.skip("an entry of the catalogue")
    _assert_valid(yaml.safe_load(block.code), caplog)


def _inline() -> Iterator[tuple[str, str]]:
    """Yield the settings that text names in passing, such as `selection: {batch_size: 24}`."""
    for page in PAGES:
        for code in re.findall(r"`([a-z_]+: [^`\n]+)`", page.read_text()):
            name = code.partition(":")[0]
            if name in CampaignConfig.model_fields or name in _CONSTRAINTS:
                yield page.name, code


@pytest.mark.parametrize(("page", "code"), [*_inline()])
def test_settings_in_text_are_valid_under_their_present_names(page, code, caplog):
    settings = yaml.safe_load(code)
    (name,) = settings
    if name not in CampaignConfig.model_fields:
        settings = {"constraints": settings}
    if name == "rounds":
        settings["data"] = {"source": {"dataset": "tfbind8_six6"}}
    _assert_valid(settings, caplog)


def _assert_valid(settings, caplog):
    with caplog.at_level(logging.WARNING):
        CampaignConfig.model_validate(settings)
    assert not caplog.records, "a former name of a setting"


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text()
        lines = re.findall(r"^(?: {4}|)((?:\w+=\S+ )*(?:make|\S*python) .*)$", text, re.M)
        for line in [*lines, *re.findall(r"`((?:make|python -m) [^`]+)`", text)]:
            yield page.name, " ".join(line.split("  #")[0].split())


@pytest.mark.parametrize(("page", "command"), sorted(set(_commands())))
def test_a_command_on_a_page_exists_with_its_options_and_files(page, command):
    words = shlex.split(command)
    words = words[next(n for n, w in enumerate(words) if w == "make" or w.endswith("python")) :]
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert words[1] in targets
    elif words[1] == "-m":
        help_text = _help(words[2], [w for w in words[3:4] if w in ("status", "explain")])
        assert all(w in help_text for w in words if w.startswith("--"))
    elif words[1] != "-c":
        assert (ROOT / words[1]).exists()
    for word in words:
        path = word.partition("=")[2] or word
        if re.fullmatch(_OURS, path):
            assert (ROOT / path).exists()


def _help(module: str, sub: list[str]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        importlib.import_module(module).main([*sub, "--help"])
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_variables_that_a_page_names_exist(page):
    text = page.read_text()
    missing = [path for path in re.findall(rf"`({_OURS})`", text) if not (ROOT / path).exists()]
    assert not missing
    known = {f"DESIGN_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"DESIGN_[A-Z_]+", text)) <= known


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
