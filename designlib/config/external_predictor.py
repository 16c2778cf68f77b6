"""Settings of a predictor that somebody else has trained; imports nothing but pydantic."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from designlib.config.base import Config, Flanks, gathered

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
    flanks: Flanks = Flanks()

    @model_validator(mode="before")
    @classmethod
    def _former_sides(cls, values: Any) -> Any:
        return gathered(values, "flanks", {"left": "left", "right": "right"})


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


class _Described(Config):
    """How a predictor of your own is called, whatever it is rebuilt from."""

    input: OwnInput = OwnInput()
    output: OwnOutput = OwnOutput()
    distillation_steps: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Of a predictor without a trajectory: steps of a short training of the same "
        "architecture on its predictions, whose checkpoints are sampled. 0: none, temperatures "
        "of the one predictor are sampled.",
    )


class OwnNetwork(_Described):
    """What rebuilds a predictor of your own around stored parameters.

    Attributes
    ----------
    factory
        What returns the torch module; empty where a program is stored with the parameters.
    """

    factory: str = ""

    @field_validator("factory")
    @classmethod
    def _can_be_called(cls, factory: str) -> str:
        if factory:
            factory_call(factory)
        return factory


class Example(Config):
    """A design whose prediction is known."""

    design: str = Field(min_length=1, description="A sequence, or a composition as in tables.")
    value: float = Field(
        ge=-1e30,
        le=1e30,
        description="What the trained predictor, of an ensemble the first one, says of it, in the "
        "units of the table.",
    )


class ExternalPredictor(_Described):
    """A predictor that you have trained, with the checkpoints of its training."""

    renamed: ClassVar[Mapping[str, str]] = {"factory": "model", "program": "model"}

    model: str = Field(
        min_length=1,
        max_length=4000,
        description="Function that returns the torch module, importable by every worker, with "
        "literal arguments: my_models:promoter_cnn(width=64). Or the file of a program written by "
        "torch.export.save or torch.jit.save.",
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

    @field_validator("model")
    @classmethod
    def _can_be_called(cls, model: str) -> str:
        if ":" in model or "(" in model:
            factory_call(model)
        return model

    @property
    def factory(self) -> str:
        """The function that returns the model; empty for a program."""
        return self.model if ":" in self.model else ""

    @property
    def program(self) -> str:
        """The file of the model's program; empty for a factory."""
        return "" if self.factory else self.model

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
