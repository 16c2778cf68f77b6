"""How docstrings of this project are read for the site."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object


class Docstrings(Extension):
    """Turns bare doctests into a section of examples, and formulas into code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of one object before it is parsed."""
        if obj.docstring is None:
            return
        text = re.sub(r":math:`([^`]+)`", r"`\1`", obj.docstring.value)
        text = re.sub(r"(?m)^(=+ +=+)$(.*?)^\1$(.*?)^\1$", r"```text\2\3```", text, flags=re.S)
        if "\nExamples\n---" not in text:
            text = re.sub(r"\n\n(?=>>> )", "\n\nExamples\n--------\n", text, count=1)
        obj.docstring.value = text
