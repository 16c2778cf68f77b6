"""All settings of a campaign: one YAML file, or the form of the Prefect page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from designlib.config import (
    CompositionConstraints,
    Config,
    ConstraintConfig,
    DesignConstraints,
    DesignRules,
    ExternalPredictor,
    ObjectivesConfig,
    ParetoConfig,
    PlateConfig,
    RecipeConfig,
    SamplingConfig,
    SelectionConfig,
    SplitConfig,
    StoppingConfig,
    SynthesisConfig,
    TrainingConfig,
)
from designlib.errors import InputError
from tasks.inputs.config import (
    DataConfig,
    ExecutionConfig,
    NamedDataset,
    TableFile,
)

CAMPAIGN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""What a campaign may be called: a name that no folder or command reads as something else."""

_TABS = {kind.__name__ for kind in (NamedDataset, TableFile, *get_args(ObjectivesConfig))} | {
    ConstraintConfig.__name__,
    CompositionConstraints.__name__,
}


class CampaignConfig(Config):
    """A design campaign: from a measured table to the next plate."""

    name: str = Field(
        default="six6",
        pattern=CAMPAIGN_NAME,
        description="Letters, digits, dots, dashes and underscores; names the results' folder.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same plate.")
    rounds: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Rounds of a simulated campaign, whose withheld measurements answer for what "
        "is proposed. Leave it at 1 where a laboratory measures: import the results and run the "
        "campaign again for the next round.",
    )
    stopping: StoppingConfig = StoppingConfig()
    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    training: TrainingConfig = TrainingConfig()
    predictor: ExternalPredictor | None = Field(
        default=None,
        description="A predictor that you have trained already, with its checkpoints; only the "
        "validation model is then trained. Empty: predictors are trained on the table.",
    )
    constraints: DesignConstraints = Field(
        default=ConstraintConfig(),
        description="What every design must satisfy: constraints on sequences or on compositions.",
    )
    objectives: ObjectivesConfig | None = Field(
        default=None,
        description="What is wanted of several value columns of the table: a weighted sum, limits, "
        "specificity or the Pareto front. Empty: the first value column alone.",
    )
    sampling: SamplingConfig = SamplingConfig()
    selection: SelectionConfig = SelectionConfig()
    recipe: RecipeConfig = RecipeConfig()
    plate: PlateConfig | None = Field(
        default=None,
        description="How the batch is laid out on plates; empty: a ranked list without wells.",
    )
    synthesis: SynthesisConfig | None = Field(
        default=None,
        description="Rules that every DNA design keeps so that it can be made, and the adapters of "
        "the order; empty: none.",
    )
    execution: ExecutionConfig = ExecutionConfig()

    @model_validator(mode="after")
    def _somebody_measures(self) -> CampaignConfig:
        source = self.data.source
        if self.rounds > 1 and not (isinstance(source, NamedDataset) and source.visible_share < 1):
            raise ValueError(
                f"rounds is {self.rounds}, but nobody measures between them: only a public data "
                "set with a visible share below 1 answers for its withheld part. With rounds at 1, "
                "import results and run the campaign again for the next round"
            )
        return self

    @model_validator(mode="after")
    def _fronts_are_ranked_as_fronts(self) -> CampaignConfig:
        if isinstance(self.objectives, ParetoConfig):
            known = ("mean", "lower_bound", "upper_bound")
            if self.selection.acquisition not in known or self.selection.explore_share > 0:
                raise ValueError(
                    "designs of a Pareto front are ranked by the hypervolume they add; "
                    f"selection.acquisition has to be one of {', '.join(known)}, and "
                    "explore_share 0"
                )
        return self

    @property
    def rules(self) -> DesignRules:
        """What designs are drawn within."""
        return DesignRules(constraints=self.constraints, synthesis=self.synthesis)

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide the result, without those of where and how it runs."""
        # A round is the same however many follow it.
        # A predictor of one's own is told by its content, which is known when it was read.
        without = {"execution", "rounds", "stopping", "predictor"}
        settings = self.model_dump(mode="json", exclude=without)
        # The content of the file decides, not where it lies.
        settings["data"]["source"].pop("path", None)
        return settings


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which takes no setting twice: YAML itself lets the last one win."""


def _settings_once(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    names: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in names:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key.value!r} is set twice", key.start_mark
            )
        names.add(key.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _settings_once)


def load_config(path: Path) -> CampaignConfig:
    """Return the configuration that a YAML file holds; what it leaves out keeps its default.

    Paths in it are relative to the file. Raises InputError naming the file and each setting that
    is wrong.
    """
    try:
        content = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such configuration file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as YAML: {told}") from None
    if not isinstance(content, dict | None):
        raise InputError(
            f"{path}: settings such as 'name: ...' are needed, not a {type(content).__name__}"
        )
    try:
        config = CampaignConfig.model_validate(content or {})
    except ValidationError as error:
        raise InputError(f"{path}: {_readable(error)}") from None
    return _relative_to(config, path.parent)


def _relative_to(config: CampaignConfig, folder: Path) -> CampaignConfig:
    if (own := config.predictor) is not None:
        placed = {
            "model": own.factory or str(folder / Path(own.program).expanduser()),
            "checkpoints": tuple(
                named if named.startswith("runs:/") else str(folder / Path(named).expanduser())
                for named in own.checkpoints
            ),
        }
        config = config.model_copy(update={"predictor": own.model_copy(update=placed)})
    source = config.data.source
    if not isinstance(source, TableFile):
        return config
    placed = {"path": str(folder / Path(source.path).expanduser())}
    data = config.data.model_copy(update={"source": source.model_copy(update=placed)})
    return config.model_copy(update={"data": data})


def _readable(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in place)}: {problem['msg']} (given: {problem['input']!r})"
        for place, problem in _of_the_tab_meant(error.errors())
    )


def _of_the_tab_meant(
    problems: list[ErrorDetails],
) -> Iterator[tuple[list[int | str], ErrorDetails]]:
    """Yield the problems with where they are; of alternatives, those of the one that was meant.

    That is the alternative which fewest of the given settings are foreign to.
    """
    tabs: dict[tuple[int | str, ...], Counter[int | str]] = {}
    for problem in problems:
        place = _without_validators(problem["loc"])
        for depth, part in enumerate(place):
            if part in _TABS:
                foreign = problem["type"] == "extra_forbidden" and len(place) == depth + 2
                tabs.setdefault(place[:depth], Counter())[part] += foreign
    meant = {where: min(counts, key=counts.__getitem__) for where, counts in tabs.items()}
    for problem in problems:
        place = _without_validators(problem["loc"])
        of_tabs = [depth for depth, part in enumerate(place) if part in _TABS]
        if all(meant[place[:depth]] == place[depth] for depth in of_tabs):
            yield [part for part in place if part not in _TABS], problem


def _without_validators(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return a place in which tabs have the names of their models alone."""
    return tuple(_VALIDATED.sub(r"\1", part) if isinstance(part, str) else part for part in place)


_VALIDATED = re.compile(r"^function-.*?(\w+)\]+$")
"""What pydantic calls an alternative with validators: ``function-after[check(), Model]``."""
