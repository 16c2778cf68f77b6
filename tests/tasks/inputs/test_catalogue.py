"""The data catalogue: its entries, the order of search, and downloads from a real server."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from designlib.types import InputError
from tasks.inputs import download as download_module
from tasks.inputs.catalogue import (
    DataFile,
    DataFileError,
    DataSet,
    TableReading,
    find_dataset,
    locate,
    read_catalogue,
)
from tasks.installation.settings import REPOSITORY, Settings

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = "plates/one.bin"


# ---- a server that misbehaves on demand


@dataclass
class Site:
    """What the server does next, and what it was asked."""

    content: bytes = CONTENT
    cut_after: list[int] = field(default_factory=list)
    status: int = 200
    unknown_length: bool = False
    pause: float = 0.0
    requests: int = 0
    url: str = ""


class _Server(ThreadingHTTPServer):
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is expected here."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        site = self.server.site
        site.requests += 1
        if site.status != 200:
            self.send_error(site.status)
            return
        time.sleep(site.pause)
        self.send_response(200)
        if not site.unknown_length:
            self.send_header("Content-Length", str(len(site.content)))
        self.end_headers()
        self.wfile.write(site.content[: site.cut_after.pop(0)] if site.cut_after else site.content)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.site = Site(url=f"http://127.0.0.1:{server.server_address[1]}/one.bin")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.site
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedded folder of the test's own, and no waiting between attempts."""
    monkeypatch.setattr("tasks.installation.settings.REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(download_module, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "repository" / "data"


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home", data_mirrors=(tmp_path / "mirror1", tmp_path / "mirror2")
    )


def one_file(**source: object) -> dict[str, DataSet]:
    entry = {"path": PATH, "sha256": SHA256, "size": len(CONTENT), **source}
    about = {"description": "d", "licence": "l", "citation": "c", "files": [entry]}
    return {"plates": DataSet.model_validate(about)}


def put(folder: Path, content: bytes = CONTENT) -> Path:
    (folder / PATH).parent.mkdir(parents=True, exist_ok=True)
    (folder / PATH).write_bytes(content)
    return folder / PATH


def fetch(settings: Settings, site: Site) -> Path:
    return locate("plates", settings, catalogue=one_file(url=site.url))[PATH]


def visible(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


# ---- the order of search


def test_the_first_place_that_has_the_file_wins(here: Settings, embedded: Path, site: Site) -> None:
    fetched = fetch(here, site)
    assert fetched == here.cache / PATH
    assert fetched.read_bytes() == CONTENT
    assert site.requests == 1
    fetched.unlink()
    for folder in (here.data_mirrors[1], here.data_mirrors[0], here.cache, embedded):
        found = put(folder)
        assert fetch(here, site) == found
    assert site.requests == 1


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("embedded", "restore it with git"),
        ("cache", "Delete this file"),
        ("mirror", "Replace this copy"),
    ],
)
def test_a_wrong_copy_is_an_error_and_not_passed_over(
    where: str, advice: str, here: Settings, embedded: Path, site: Site
) -> None:
    folder = {"embedded": embedded, "cache": here.cache, "mirror": here.data_mirrors[0]}[where]
    wrong = put(folder, b"other")
    put(here.data_mirrors[1])
    with pytest.raises(DataFileError) as caught:
        fetch(here, site)
    message = str(caught.value)
    for part in (str(wrong), SHA256, hashlib.sha256(b"other").hexdigest(), advice):
        assert part in message
    assert site.requests == 0
    assert wrong.read_bytes() == b"other"


def test_a_directory_in_place_of_the_file_is_an_error(here: Settings, site: Site) -> None:
    (here.data_mirrors[0] / PATH).mkdir(parents=True)
    with pytest.raises(DataFileError, match=r"mirror1.*cannot be read"):
        fetch(here, site)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (
            {"package": "things==1.2", "member": "things/one.bin"},
            ["pip download --no-deps things==1.2", "things/one.bin"],
        ),
        ({"origin": "made from other data"}, ["no public address", "made from other data"]),
    ],
)
def test_a_file_without_address_says_where_to_get_it_and_to_put_it(
    source: dict[str, object], parts: list[str], here: Settings
) -> None:
    with pytest.raises(DataFileError) as caught:
        locate("plates", here, catalogue=one_file(**source))
    common = ["plates", "DESIGN_DATA_MIRRORS", str(here.data_mirrors[0]), str(here.cache / PATH)]
    for part in [*parts, *common]:
        assert part in str(caught.value)
    assert not here.home.exists()


def test_an_unknown_name_lists_the_known_ones(here: Settings) -> None:
    for name in ("plate", "../plates", "/etc/passwd", ""):
        with pytest.raises(InputError, match=r"known are plates$"):
            locate(name, here, catalogue=one_file(origin="x"))
    with pytest.raises(InputError, match="tfbind8_six6"):
        find_dataset("nothing")


# ---- downloads


def test_a_cut_download_is_retried(here: Settings, site: Site) -> None:
    site.cut_after = [100_000, 50_000]
    assert fetch(here, site).read_bytes() == CONTENT
    assert site.requests == 3
    assert visible(here.home) == ["one.bin"]


def test_a_download_cut_at_every_attempt_leaves_nothing(here: Settings, site: Site) -> None:
    site.cut_after = [1000, 1000, 1000]
    with pytest.raises(DataFileError, match="cut off 3 times") as caught:
        fetch(here, site)
    assert site.url in str(caught.value)
    assert visible(here.home) == []
    assert fetch(here, site).read_bytes() == CONTENT


@pytest.mark.parametrize("unknown_length", [False, True])
@pytest.mark.parametrize(
    "content", [b"<html>sign in</html>", CONTENT + b"x", b"x" * len(CONTENT), b""]
)
def test_wrong_content_is_refused_and_not_kept(
    content: bytes, unknown_length: bool, here: Settings, site: Site
) -> None:
    site.content, site.unknown_length = content, unknown_length
    with pytest.raises(DataFileError, match="does not serve the file") as caught:
        fetch(here, site)
    assert site.url in str(caught.value)
    assert visible(here.home) == []
    site.content = CONTENT
    assert fetch(here, site).read_bytes() == CONTENT


def test_wrong_content_names_both_checksums(here: Settings, site: Site) -> None:
    site.content = b"other"
    with pytest.raises(DataFileError) as caught:
        fetch(here, site)
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"other").hexdigest() in str(caught.value)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_says_what_to_do(status: int, here: Settings, site: Site) -> None:
    site.status = status
    with pytest.raises(DataFileError) as caught:
        fetch(here, site)
    for part in (f"answered {status}", site.url, "DESIGN_DATA_MIRRORS", "mirror1", PATH):
        assert part in str(caught.value)
    assert visible(here.home) == []


def test_no_network_says_what_to_do(here: Settings) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_address[1]}/one.bin"
    with pytest.raises(DataFileError) as caught:
        locate("plates", here, catalogue=one_file(url=url))
    parts = ("cannot be reached", url, "DESIGN_DATA_MIRRORS", "mirror1", PATH, str(here.cache))
    for part in parts:
        assert part in str(caught.value)


def test_a_cache_that_cannot_be_written_says_so(here: Settings, site: Site) -> None:
    here.home.write_text("a file where the folder should be")
    with pytest.raises(DataFileError, match="cannot be written"):
        fetch(here, site)


FETCH = """
import hashlib, pathlib, sys
from tasks.inputs.download import download
url, target, size, sha256 = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
target = pathlib.Path(target)
download(url, target, size=int(size), sha256=sha256, advice="")
print(hashlib.sha256(target.read_bytes()).hexdigest(), flush=True)
"""


def test_two_processes_do_not_disturb_each_other(here: Settings, site: Site) -> None:
    site.pause = 0.5
    target = here.cache / PATH
    command = [sys.executable, "-c", FETCH, site.url, str(target), str(len(CONTENT)), SHA256]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=Path(__file__).parents[3],
                )
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.communicate()[0].strip() for process in processes] == [SHA256, SHA256]
    assert site.requests == 1
    assert visible(here.home) == ["one.bin"]


# ---- the entries


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "a\\b", "C:x", "."],
)
def test_paths_cannot_leave_their_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="plain relative path"):
        DataFile(path=path, sha256=SHA256, size=1, origin="x")


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"url": "https://a/b", "origin": "x"},
        {"package": "a==1"},
        {"member": "a/b", "origin": "x"},
        {"url": "file:///etc/passwd"},
        {"package": "a", "member": "b"},
    ],
)
def test_a_file_has_exactly_one_source(source: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        DataFile.model_validate({"path": "a", "sha256": SHA256, "size": 1, **source})


def test_the_table_is_one_of_the_files() -> None:
    entry = one_file(origin="x")["plates"].model_dump()
    entry["table"] = {"file": "other.csv", "columns": {}, "alphabet": "dna"}
    with pytest.raises(ValidationError, match=r"other\.csv"):
        DataSet.model_validate(entry)


@pytest.mark.parametrize("text", ["", "- a", "A: {}", "a: {x: 1}", "a: [", "'../a': {}"])
def test_an_invalid_catalogue_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(text)
    with pytest.raises(InputError, match=r"catalogue\.yaml: not a valid data catalogue"):
        read_catalogue(tmp_path / "catalogue.yaml")


def test_the_catalogue_that_is_shipped() -> None:
    catalogue = read_catalogue()
    assert set(catalogue) == {
        "tfbind8_six6",
        "tfbind8_six6_crx",
        "lac_sortseq",
        "mpsa_splice",
        "jaspar_six",
        "jaspar_liver",
        "supercon_stanev",
        "uci_superconductivity",
        "oer_plate_3496",
        "photo_pce10",
        "hplc",
        "mnist_binary",
    }
    paths = [file.path for data in catalogue.values() for file in data.files]
    assert len(set(paths)) == len(paths)
    for data in catalogue.values():
        assert "\n" not in data.description
        for file in data.files:
            assert file.url is None or re.match(
                r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", file.url
            )
    default = catalogue["tfbind8_six6"].table
    assert isinstance(default, TableReading)
    assert (default.both_strands, default.maximise) == (True, True)


def test_the_default_is_embedded(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.installation.settings.REPOSITORY", REPOSITORY)
    assert locate("tfbind8_six6", here) == {
        "tfbind8_six6.parquet": REPOSITORY / "data" / "tfbind8_six6.parquet"
    }


@pytest.mark.parametrize("dataset", sorted(read_catalogue()))
def test_the_files_of_a_mirror_are_those_of_the_catalogue(
    dataset: str, here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.installation.settings.REPOSITORY", REPOSITORY)
    mirrors = Settings().data_mirrors
    files = read_catalogue()[dataset].files
    folders = (REPOSITORY / "data", *mirrors)
    if not all(any((folder / file.path).exists() for folder in folders) for file in files):
        pytest.skip(f"no mirror folder in DESIGN_DATA_MIRRORS has the files of {dataset}")
    found = locate(dataset, Settings(home=here.home, data_mirrors=mirrors))
    assert [path.stat().st_size for path in found.values()] == [file.size for file in files]
