"""Stage keys depend on the code that decides a result, and on no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.installation.settings import REPOSITORY
from tasks.rounds.rounds import ROUND_MAKERS
from tasks.stages import code
from tasks.stages.code import Code

TRAIN, SAMPLE, SCORE = "tasks.rounds.train", "tasks.rounds.generate", "tasks.rounds.score"
MAKERS = (*ROUND_MAKERS, "tasks.reports.report")


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory") / "code.json"


@pytest.fixture(scope="module")
def now(memory: Path) -> dict[str, str]:
    read = Code(REPOSITORY, memory)
    return {maker: read.fingerprint(maker) for maker in MAKERS}


@pytest.fixture
def changed(tmp_path: Path, memory: Path, now: dict[str, str]) -> Callable[..., set[str]]:
    """Return which makers have another fingerprint once a file of the project has other text."""
    for package in ("designlib", "tasks", "flows"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=unwanted)

    def edited(path: str, edit: Callable[[str], str]) -> set[str]:
        before = (tmp_path / path).read_text()
        assert edit(before) != before
        (tmp_path / path).write_text(edit(before))
        read = Code(tmp_path, memory)
        found = {maker for maker in MAKERS if read.fingerprint(maker) != now[maker]}
        (tmp_path / path).write_text(before)
        return found

    return edited


def add_statement(text: str) -> str:
    return f"{text}\n_ADDED = 1\n"


def test_a_comment_a_docstring_and_formatting_change_no_key(
    changed: Callable[..., set[str]],
) -> None:
    def edit_notes(text: str) -> str:
        docstring, _, rest = text.partition('"""\n')
        rest = rest.replace("(\n", "(  # why\n")
        return f'# A comment.\n{docstring} A typo."""\n\n\n{rest}'

    for path in (
        "designlib/sampling/kernels/gibbs_with_gradients.py",
        "designlib/predictors/networks.py",
        "tasks/rounds/train.py",
        "tasks/reports/report.py",
    ):
        assert not changed(path, edit_notes)


@pytest.mark.parametrize(
    "path",
    [
        "designlib/reports/report.py",
        "designlib/reports/report.html",
        "designlib/benchmarks/methods/samplers.py",
        "tasks/reports/report.py",
        "tasks/benchmarks/runs.py",
        "tasks/servers/services.py",
        "tasks/tracking/tracking.py",
        "tasks/record/ledger.py",
        "flows/campaign.py",
    ],
)
def test_a_change_of_reports_benchmarks_or_servers_keeps_the_keys_of_a_round(
    path: str, changed: Callable[..., set[str]]
) -> None:
    found = changed(path, add_statement)
    assert found <= {"tasks.reports.report"}
    assert ("reports" in path) == bool(found)


def test_a_changed_kernel_changes_the_keys_of_sampling_but_not_of_training(
    changed: Callable[..., set[str]],
) -> None:
    found = changed("designlib/sampling/kernels/gibbs_with_gradients.py", add_statement)
    assert SAMPLE in found
    assert not found & {TRAIN, "tasks.inputs.tables", "tasks.rounds.import_checkpoints"}


def test_a_changed_network_changes_the_key_of_training(changed: Callable[..., set[str]]) -> None:
    assert TRAIN in changed("designlib/predictors/networks.py", add_statement)


def test_a_changed_constant_changes_the_key(changed: Callable[..., set[str]]) -> None:
    found = changed(
        "designlib/sampling/run.py",
        lambda text: text.replace("_BLOCK_SIZE = 128", "_BLOCK_SIZE = 64"),
    )
    assert SAMPLE in found


@pytest.mark.parametrize("maker", ROUND_MAKERS)
def test_no_round_is_decided_by_code_that_only_shows_stores_or_transports(
    maker: str, memory: Path
) -> None:
    idle = ("designlib.reports", "designlib.benchmarks", "tasks.reports", "tasks.benchmarks")
    modules = Code(REPOSITORY, memory).deciding(maker)
    assert not [name for name in modules if name.startswith((*idle, "tasks.servers", "flows"))]


# ---- made-up projects


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "designlib/__init__.py": "",
        "designlib/room/__init__.py": (
            '"""Face."""\nfrom designlib.room.one import f\nfrom designlib.room.two import g\n'
        ),
        "designlib/room/one.py": "def f():\n    return 1\n",
        "designlib/room/two.py": "def g():\n    return 2\n",
        "designlib/late.py": "VALUE = 3\n",
        "tasks/__init__.py": "",
        "tasks/maker.py": (
            "import numpy as np\nfrom designlib.room import f\n\n\n"
            "def make():\n    from designlib import late\n\n    return f() + late.VALUE\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def edit(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def test_the_deciding_modules_are_those_behind_the_names_that_a_face_exports(
    project: Path,
) -> None:
    assert Code(project).deciding("tasks.maker") == [
        "designlib.late",
        "designlib.room.one",
        "tasks.maker",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("designlib/room/one.py", "return 1", "return 2"),
        ("designlib/late.py", "3", "4"),  # imported inside a function
        ("designlib/room/__init__.py", "one import f", "two import g as f"),
        ("tasks/maker.py", "import f", "import g as f"),
        ("tasks/maker.py", "numpy as np", "math as np"),
    ],
)
def test_a_fingerprint_changes_with_code_behind_faces_in_functions_and_in_imports(
    project: Path, name: str, old: str, new: str
) -> None:
    before = Code(project).fingerprint("tasks.maker")
    edit(project, name, old, new)
    assert Code(project).fingerprint("tasks.maker") != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("designlib/room/two.py", "return 2", "return 3"),  # another name of the face
        ("designlib/room/one.py", "def f():\n", "def f():\n    '''Docstring.'''\n"),
        (
            "tasks/maker.py",
            "f() + late.VALUE",
            "(\n        f()  # one\n        + late.VALUE\n    )",
        ),
        (
            "tasks/maker.py",
            "import numpy as np\nfrom designlib.room import f\n",
            "from designlib.room import f\nimport numpy as np\n",
        ),
    ],
)
def test_a_fingerprint_ignores_other_modules_docstrings_and_the_order_of_imports(
    project: Path, name: str, old: str, new: str
) -> None:
    before = Code(project).fingerprint("tasks.maker")
    edit(project, name, old, new)
    assert Code(project).fingerprint("tasks.maker") == before


def test_a_template_in_the_folder_of_a_module_counts(project: Path) -> None:
    before = Code(project).fingerprint("tasks.maker")
    (project / "designlib/room/page.html").write_text("<p>")
    assert Code(project).fingerprint("tasks.maker") != before


def test_a_fingerprint_changes_with_the_libraries(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Code(project).fingerprint("tasks.maker")
    monkeypatch.setattr(code.importlib.metadata, "version", lambda _: "0")
    assert Code(project).fingerprint("tasks.maker") != before


def test_an_import_of_a_module_that_is_missing_is_an_error(project: Path) -> None:
    edit(project, "tasks/maker.py", "from designlib import late", "from designlib.gone import late")
    with pytest.raises(ModuleNotFoundError, match=r"no module designlib\.gone in "):
        Code(project).fingerprint("tasks.maker")


def test_what_was_read_is_kept_in_a_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = project / "memory.json"
    first = Code(project, memory).fingerprint("tasks.maker")

    def never(source: bytes) -> None:
        raise AssertionError(source)

    monkeypatch.setattr(code, "_read", never)
    assert Code(project, memory).fingerprint("tasks.maker") == first


def test_a_constraint_in_a_new_file_changes_the_key_of_sampling(
    changed: Callable[..., set[str]], tmp_path: Path, memory: Path, now: dict[str, str]
) -> None:
    del changed  # its copy of the project is what this test adds a file to
    folder = tmp_path / "designlib" / "config" / "constraints"
    (folder / "letter_count.py").write_text("LIMIT = 1\n")
    assert Code(tmp_path, memory).fingerprint(SAMPLE) != now[SAMPLE]
