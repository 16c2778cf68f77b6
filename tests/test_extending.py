"""The recipes of docs/extending.md, followed word by word in a copy of the library."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^(New file|In) `([^`]+)`[^\n]*\n+```(python|diff)\n(.*?)^```", re.M | re.S)


def follow(page: str, root: Path) -> list[Path]:
    """Write and change the files of every recipe; return its tests."""
    tests = []
    for kind, name, _, block in BLOCK.findall(page):
        path = root / name
        if kind == "New file":
            assert not path.exists(), name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
            tests += [path] if path.name.startswith("test_") else []
            continue
        lines = block.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        text = path.read_text()
        assert text.count(before) == 1, f"{name} has changed:\n{before}"
        path.write_text(text.replace(before, after))
    return tests


def test_every_recipe_works_as_written(tmp_path):
    shutil.copytree(
        ROOT / "designlib", tmp_path / "designlib", ignore=shutil.ignore_patterns("__pycache__")
    )
    page = (ROOT / "docs" / "extending.md").read_text()
    tests = follow(page, tmp_path)
    assert len(tests) == page.count("\n## ") >= 3
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(
        [*command, "--import-mode=importlib", *map(str, tests)],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
