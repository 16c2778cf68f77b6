"""The code that decides a result, as one hash.

A stage depends on the module that makes it and on all that this module imports, directly or not,
also where a function imports it only when it is called. A name that a package exports leads to the
module that defines it; the package's other modules do not count. Modules are compared as syntax
trees: comments, docstrings, formatting and the order of imports change nothing. Modules that store,
log or transport results without deciding them are left out.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tasks.installation.files import held_folder, json_bytes, sha256_of, write_atomically
from tasks.installation.settings import REPOSITORY, Settings

_PACKAGES = ("designlib", "tasks", "flows")
_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow")
_UNDECIDING = (
    # They carry settings, which are among the inputs of a stage.
    "tasks.inputs.campaign_config",
    "tasks.inputs.round_inputs",
    "tasks.installation.clock",
    "tasks.installation.environment",
    "tasks.installation.log",
    "tasks.installation.machine",
    "tasks.installation.settings",
    "tasks.record",
    "tasks.servers",
    "tasks.stages.code",
    "tasks.stages.results",
    "tasks.stages.stages",
    "tasks.stages.store",
    "tasks.tracking",
)
_DISCOVERING = ("designlib.config.constraints.rules",)
"""Modules that import every module beside them, by the names of the files."""


class _Import(NamedTuple):
    module: str
    name: str | None
    """None for the module itself."""
    alias: str


class _Module(NamedTuple):
    digest: str
    """Hash of its syntax tree without the imports at the top."""
    imports: tuple[_Import, ...]
    """Those at the top and those inside functions."""


class Code:
    """The modules of this project below one folder."""

    def __init__(self, root: Path, memory: Path | None = None) -> None:
        """Read modules below ``root``; ``memory`` is a file that keeps what was read."""
        self._root = root
        self._paths: dict[str, Path | None] = {}
        self._modules: dict[str, _Module] = {}
        self._memory = memory
        self._read = _remembered(memory)
        self._is_new = False

    def fingerprint(self, *makers: str) -> str:
        """Return a hash of all modules that decide what the makers make, and of the libraries.

        Raises ModuleNotFoundError where a module of this project imports one that is not there.
        """
        digest = hashlib.sha256()
        modules = self.deciding(*makers)
        for module in modules:
            resolved = sorted(
                (*self._resolve(one), one.alias) for one in self._parse(module).imports
            )
            digest.update(f"{module}:{self._parse(module).digest}:{resolved}\n".encode())
        for file in self._data_beside(modules):
            digest.update(file.name.encode() + file.read_bytes())
        for library in _LIBRARIES:
            digest.update(f"{library}=={importlib.metadata.version(library)}\n".encode())
        if self._memory and self._is_new:
            with held_folder(self._memory.parent):
                write_atomically(self._memory, json_bytes(self._read))
            self._is_new = False
        return digest.hexdigest()[:16]

    def deciding(self, *makers: str) -> list[str]:
        """Return the names of the makers' modules and of all that they depend on, sorted.

        A maker outside this project has none.
        """
        found: set[str] = set()
        left = [maker for maker in makers if _is_ours(maker)]
        while left:
            module = left.pop()
            if module not in found:
                found.add(module)
                imported = [self._resolve(one)[0] for one in self._parse(module).imports]
                imported += self._beside(module) if module in _DISCOVERING else []
                left += [name for name in imported if _is_ours(name) and not _is_undeciding(name)]
        return sorted(found)

    def _resolve(self, one: _Import) -> tuple[str, str]:
        """Return the module that defines what is imported, and its name there."""
        module, name = one.module, one.name
        if name is None or not _is_ours(module):
            return module, name or ""
        if self._path(f"{module}.{name}") is not None:
            return f"{module}.{name}", ""
        exported = self._parse(module).imports if self._is_package(module) else ()
        behind = next((other for other in exported if other.alias == name), None)
        return self._resolve(behind) if behind else (module, name)

    def _parse(self, module: str) -> _Module:
        if module not in self._modules:
            path = self._path(module)
            if path is None:
                raise ModuleNotFoundError(f"there is no module {module} in {self._root}")
            source = path.read_bytes()
            key = hashlib.sha256(source).hexdigest()[:32]
            if key not in self._read:
                self._read[key] = _read(source)
                self._is_new = True
            self._modules[module] = self._read[key]
        return self._modules[module]

    def _path(self, module: str) -> Path | None:
        if module not in self._paths:
            place = self._root.joinpath(*module.split("."))
            both = (place.with_suffix(".py"), place / "__init__.py")
            self._paths[module] = next((path for path in both if path.is_file()), None)
        return self._paths[module]

    def _beside(self, module: str) -> list[str]:
        """Return the modules in the folder of a module."""
        folder, path = module.rpartition(".")[0], self._path(module)
        files = path.parent.glob("*.py") if path else []
        return [f"{folder}.{file.stem}" for file in files if file.stem != "__init__"]

    def _is_package(self, module: str) -> bool:
        path = self._path(module)
        return path is not None and path.name == "__init__.py"

    def _data_beside(self, modules: Iterable[str]) -> list[Path]:
        """Return the files, such as templates, that lie in the folders of modules."""
        folders = {path.parent for module in modules if (path := self._path(module))}
        files = (one for folder in sorted(folders) for one in sorted(folder.iterdir()))
        return [one for one in files if one.suffix in (".csv", ".html", ".json", ".yaml")]


def _remembered(memory: Path | None) -> dict[str, _Module]:
    # Whatever is wrong with it, the modules can be read again.
    with suppress(OSError, ValueError, TypeError, AttributeError):
        kept = json.loads(memory.read_bytes()) if memory else {}
        return {
            key: _Module(digest, tuple(_Import(*one) for one in imports))
            for key, (digest, imports) in kept.items()
        }
    return {}


@functools.cache
def code_fingerprint(*makers: str) -> str:
    """Return a hash of the code and the libraries that decide what modules make."""
    return _code().fingerprint(*makers)


@functools.cache
def _code() -> Code:
    own = sha256_of(Path(__file__))[:8]
    return Code(REPOSITORY, Settings().cache / "code" / f"{own}.json")


class _Reader:
    """Writes syntax trees as text, without what cannot change what the code computes.

    The text is the same in every version of Python.
    """

    def __init__(self) -> None:
        self.imports: set[_Import] = set()
        """What the code imports inside functions."""

    def text(self, node: object) -> str:
        """Return a node, a list of them or a value as text."""
        if isinstance(node, list):
            return f"[{','.join(self.text(one) for one in node if not _is_note(one))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.update(_imports(node))
        fields = ((n, getattr(node, n, None)) for n in node._fields if n not in _NOTES)
        parts = (f"{n}={self.text(v)}" for n, v in fields if v is not None and v != [])
        return f"{type(node).__name__}({','.join(parts)})"


_NOTES = ("ctx", "kind", "type_comment")
"""Fields of a node that follow from its place or say nothing."""


def _is_note(node: object) -> bool:
    """Return whether a statement is a docstring, ``__all__``, or for type checkers alone."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _read(source: bytes) -> _Module:
    body = ast.parse(source).body
    top = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    reader = _Reader()
    text = reader.text([node for node in body if node not in top])
    imports = {one for node in top for one in _imports(node)} | reader.imports
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return _Module(digest, tuple(sorted(imports, key=str)))


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[_Import]:
    for one in node.names:
        if isinstance(node, ast.Import):
            yield _Import(one.name, None, one.asname or one.name.partition(".")[0])
        elif node.level or node.module is None or one.name == "*":
            raise SyntaxError(f"line {node.lineno}: imports are absolute and name what they use")
        else:
            yield _Import(node.module, one.name, one.asname or one.name)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _PACKAGES


def _is_undeciding(module: str) -> bool:
    return any(f"{module}.".startswith(f"{one}.") for one in _UNDECIDING)
