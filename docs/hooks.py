"""Pages of the site that are made from the code: settings, candidate columns, API, notebooks."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from designlib.candidates import COLUMNS, SCHEMA_VERSION
from tasks.inputs.campaign_config import CampaignConfig

ROOT = Path(__file__).parents[1]
COPIED = ("BENCHMARKS.md", "CHANGELOG.md")
"""Pages that lie at the root of the repository."""
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": "&gt;", "maximum": "≤", "exclusiveMaximum": "&lt;"}
_KINDS = {"string": "text", "boolean": "`true`, `false`"}
_UNBOUNDED = 1e18
"""Limits beyond this keep a number finite; nobody needs to read them."""
API = "reference/api"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the API's pages in the navigation."""
    (reference,) = [group["Reference"] for group in config.nav or () if "Reference" in group]
    reference.append({"API": [{name: f"{API}/{name}.md"} for name in _faces()]})
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages; notebooks become pages of Markdown."""
    pages = {
        "reference/settings.md": settings_page(),
        "reference/candidates.md": columns_page(),
        **{f"{API}/{name}.md": f"# {name}\n\n::: {name}\n" for name in _faces()},
        **{name: (ROOT / name).read_text().replace("](docs/", "](") for name in COPIED},
    }
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        pages[file.src_uri.replace(".ipynb", ".md")] = notebook_page(Path(file.abs_src_path or ""))
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Point links to the repository's root and to notebooks at their pages in the site."""
    up = posixpath.relpath(".", posixpath.dirname(page.file.src_uri) or ".")
    for name in COPIED:
        markdown = re.sub(rf"\]\((?:\.\./)+{name}", f"]({up}/{name}", markdown)
    return re.sub(r"(\]\([\w./-]+)\.ipynb\)", r"\1.md)", markdown)


def settings_page() -> str:
    """Return the reference of all settings of a campaign, a section for each group."""
    schema = CampaignConfig.model_json_schema()
    groups = schema["$defs"] | {"CampaignConfig": schema}
    sections = "\n".join(_sections("CampaignConfig", groups, "", set()))
    return (
        "# Settings\n\nAll settings of a campaign file, generated from the code. Every setting "
        "is optional unless marked *required*. Unknown names and values out of range are "
        f"rejected, naming the setting.\n\n{sections}"
    )


def columns_page() -> str:
    """Return the reference of the candidate table."""
    rows = "\n".join(
        f"| `{column.name}` | {column.type} | {_unit(column.unit)} | {column.description} |"
        for column in COLUMNS
    )
    return (
        f"# Candidate columns\n\n`candidates.parquet` and `candidates.csv`, schema version "
        f"{SCHEMA_VERSION}: one row per candidate, in rank order. Tables of earlier versions are "
        f"still read.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n{rows}\n"
    )


def notebook_page(path: Path) -> str:
    """Return a notebook with its outputs as Markdown."""
    return "\n\n".join(_cells(json.loads(path.read_text())["cells"])) + "\n"


def _cells(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
            continue
        yield f"```python\n{source}\n```"
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                yield f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
            elif "text/html" in data:
                # A blank line would end the block of HTML.
                yield re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))
            else:
                text = "".join(output.get("text", data.get("text/plain", "")))
                yield f"```text\n{text.rstrip()}\n```"


def _faces() -> list[str]:
    """Return the packages whose ``__init__`` exports names, and the modules at the top."""
    inits = sorted((ROOT / "designlib").rglob("__init__.py"))
    names = [".".join(init.parent.relative_to(ROOT).parts) for init in inits]
    skipped = ("designlib.benchmarks", "designlib.reports")
    return [
        name
        for name, init in zip(names, inits, strict=True)
        if "__all__ = [" in init.read_text() and not name.startswith(skipped)
    ]


def _unit(unit: str) -> str:
    return {"value": "that of the value", "distance": "that of the space"}.get(unit, unit)


def _sections(key: str, groups: dict[str, Any], path: str, seen: set[str]) -> Iterator[str]:
    """Yield the table of one group of settings, then those of the groups inside it."""
    group = groups[key]
    required = group.get("required", ())
    settings = group["properties"].items()
    yield f"{'###' if '.' in path else '##'} {_title(group)} {{#{key}}}\n"
    yield f"{f'`{path}`: ' if path else ''}{group.get('description', '').splitlines()[0]}\n"
    yield "| setting | accepted | default | meaning |\n|---|---|---|---|"
    for name, setting in settings:
        default = "*required*" if name in required else _default(setting.get("default"))
        meaning = setting.get("description", "").replace("|", "\\|")
        yield f"| `{name}` | {_accepted(setting, groups)} | {default} | {meaning} |"
    yield ""
    for name, setting in settings:
        for inner in [key for key in _references(setting) if key not in seen]:
            seen.add(inner)
            yield from _sections(inner, groups, f"{path}.{name}".lstrip("."), seen)


def _title(group: dict[str, Any]) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", group["title"].removesuffix("Config"))
    return words[0] + re.sub(r"\b[A-Z](?=[a-z])", lambda letter: letter[0].lower(), words[1:])


def _references(setting: dict[str, Any]) -> list[str]:
    """Return the groups that a setting holds: itself, as an alternative or in a list."""
    inside = [*setting.get("anyOf", ()), setting.get("items", {})]
    own = [setting["$ref"].rpartition("/")[2]] if "$ref" in setting else []
    return own + [key for part in inside if part for key in _references(part)]


def _accepted(setting: dict[str, Any], groups: dict[str, Any]) -> str:
    if keys := _references(setting):
        links = [f"[{_title(groups[key])}](#{key})" for key in keys]
        return ("list of " if setting.get("type") == "array" else "") + " or ".join(links)
    if "anyOf" in setting:
        parts = [part for part in setting["anyOf"] if part.get("type") != "null"]
        return " or ".join(_accepted(part, groups) for part in parts)
    if "enum" in setting:
        return ", ".join(f"`{choice}`" for choice in setting["enum"])
    if setting.get("type") == "array":
        return f"list of {_accepted(setting['items'], groups)}" if "items" in setting else "list"
    kind = str(setting.get("type", "any"))
    bounds = [
        f"{sign} {setting[limit]:g}"
        for limit, sign in _BOUNDS.items()
        if abs(setting.get(limit, _UNBOUNDED)) < _UNBOUNDED
    ]
    return ", ".join([_KINDS.get(kind, kind), *bounds])


def _default(value: Any) -> str:
    """Return a default; groups have theirs in their own tables."""
    return (
        ""
        if isinstance(value, dict)
        else "empty"
        if value in (None, [], "")
        else f"`{json.dumps(value)}`"
    )
