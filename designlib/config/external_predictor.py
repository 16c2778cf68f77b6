"""Settings of a predictor that somebody else has trained; imports nothing but pydantic."""

from __future__ import annotations

import ast
import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from designlib.config.base import Config

__all__ = ["Example", "ExternalPredictor", "OwnInput", "OwnNetwork", "OwnOutput", "factory_call"]

Scale = Literal["value", "ln", "log2", "log10", "logit"]
"""What a predictor's output is of the value: the value, a logarithm of it, or its log odds."""

_FACTORY = re.compile(r"([\w.]+):(\w+)(\(.*\))?", re.DOTALL)


class OwnInput(Config):
    """How a predictor of your own takes designs."""

    layout: Literal["channels_first", "channels_last", "flat", "columns"] = Field(
        default="channels_first",
        description="Of one-hot sequences. channels_first: designs x letters x positions. "
        "channels_last: designs x positions x letters. flat: the latter with the letters of each "
        "position side by side. columns: not sequences but shares and variables, in the order of "
        "the table.",
    )
    letters: str = Field(
        default="",
        max_length=64,
        description="The alphabet in the order of the channels, such as ACGT or AGCU; U and T are "
        "the same letter. Empty: the order of the campaign's alphabet.",
    )
    left: str = Field(
        default="",
        max_length=1_000_000,
        title="Left flank",
        description="Sequence that the predictor reads to the left of every design.",
    )
    right: str = Field(
        default="",
        max_length=1_000_000,
        title="Right flank",
        description="Sequence that the predictor reads to the right of every design.",
    )


class OwnOutput(Config):
    """How the value of a design is read from what a predictor of your own returns."""

    part: str = Field(
        default="",
        max_length=64,
        description="Which part of several outputs: a number from 0 for a tuple, a name for a "
        "dictionary. Empty: there is one output.",
    )
    column: int | None = Field(
        default=None,
        ge=0,
        le=10_000_000,
        description="Which of several numbers for each design, from 0. Empty: there is one.",
    )
    scale: Scale = Field(
        default="value",
        description="What the output is: the value in the units of the table, its natural, binary "
        "or decimal logarithm, or the log odds of a probability.",
    )


class OwnNetwork(Config):
    """What rebuilds a predictor of your own around stored parameters."""

    factory: str = Field(
        default="",
        max_length=4000,
        description="What returns the torch module, importable by every worker, with literal "
        "arguments: my_models:promoter_cnn(width=64). Empty: there is a program.",
    )
    input: OwnInput = OwnInput()
    output: OwnOutput = OwnOutput()
    distillation_steps: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Of a predictor without a trajectory: steps of a short training of the same "
        "architecture on its predictions, whose checkpoints are walked. 0: none, temperatures "
        "of the one predictor are walked.",
    )

    @field_validator("factory")
    @classmethod
    def _can_be_called(cls, value: str) -> str:
        if value:
            factory_call(value)
        return value


class Example(Config):
    """A design whose prediction is known."""

    design: str = Field(min_length=1, description="A sequence, or a composition as in tables.")
    value: float = Field(
        ge=-1e30,
        le=1e30,
        description="What the trained predictor, of an ensemble the first one, says of it, in the "
        "units of the table.",
    )


class ExternalPredictor(OwnNetwork):
    """A predictor that you have trained, with the checkpoints of its training."""

    program: str = Field(
        default="",
        description="File of a program written by torch.export.save or torch.jit.save; in place "
        "of a factory.",
    )
    checkpoints: tuple[str, ...] = Field(
        default=(),
        description="A folder of checkpoints for each member of the ensemble, or "
        "runs:/RUN_ID/FOLDER in MLflow: state dicts, safetensors, Lightning or Hugging Face "
        "checkpoints. Empty: the model as it is, which is walked by temperatures, or distilled.",
    )
    examples: tuple[Example, ...] = Field(
        min_length=2,
        description="Designs with what the trained predictor is known to say of them, on which "
        "layout, letters and output are checked.",
    )
    tolerance: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        description="How far a prediction may be from its example, as a share of the largest "
        "absolute value among the examples.",
    )

    @model_validator(mode="after")
    def _one_model(self) -> ExternalPredictor:
        if bool(self.factory) == bool(self.program):
            raise ValueError("give either factory or program")
        return self

    @property
    def network(self) -> OwnNetwork:
        """What is stored with every checkpoint."""
        return OwnNetwork(**{name: getattr(self, name) for name in OwnNetwork.model_fields})


def factory_call(text: str) -> tuple[str, str, dict[str, Any]]:
    """Return module, function and keyword arguments of a factory.

    Raises ValueError for anything but ``module:function`` with literal keyword arguments.

    >>> factory_call("my_models:build(width=64, kind='cnn')")
    ('my_models', 'build', {'width': 64, 'kind': 'cnn'})
    """
    found = _FACTORY.fullmatch(text.strip())
    given = _keywords(found[3] or "()") if found else None
    if found is None or given is None:
        raise ValueError(
            f"{text!r} is no factory; module:function, or with literal arguments by name "
            "module:function(width=64), is needed"
        )
    return found[1], found[2], given


def _keywords(text: str) -> dict[str, Any] | None:
    """Return literal keyword arguments in brackets; None for anything else."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            return None
        given = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError):
        return None
    return None if None in given else {str(name): value for name, value in given.items()}
