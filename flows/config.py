"""All settings of a campaign: one YAML file, or the form of the Prefect page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from designlib.constraints.config import ConstraintConfig
from designlib.plates import PlateConfig
from designlib.predictors.training import TrainingConfig
from designlib.sampling import SamplingConfig
from designlib.selection import SelectionConfig
from designlib.splits import SplitConfig
from designlib.stopping import StoppingConfig
from designlib.synthesis import SynthesisConfig
from designlib.types import InputError
from tasks.config import DataConfig, ExecutionConfig, NamedDataset

__all__ = ["CampaignConfig", "load_config"]


class CampaignConfig(BaseModel):
    """A design campaign: from a measured table to the next plate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        default="six6",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        title="Name",
        description="Letters, digits, dots, dashes and underscores; names the results' folder.",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, title="Seed", description="The same seed gives the same plate."
    )
    rounds: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Rounds",
        description="Rounds of a simulated campaign, whose withheld measurements answer for what "
        "is proposed. Leave it at 1 where a laboratory measures: import the results and run the "
        "campaign again for the next round.",
    )
    stopping: StoppingConfig = Field(
        default=StoppingConfig(),
        title="Stopping",
        description="Rules that end the campaign before its last round.",
    )
    data: DataConfig = Field(default=DataConfig(), title="Data")
    split: SplitConfig = Field(default=SplitConfig(), title="Split")
    training: TrainingConfig = Field(default=TrainingConfig(), title="Training")
    constraints: ConstraintConfig = Field(default=ConstraintConfig(), title="Constraints")
    sampling: SamplingConfig = Field(default=SamplingConfig(), title="Sampling")
    selection: SelectionConfig = Field(default=SelectionConfig(), title="Selection")
    plate: PlateConfig | None = Field(
        default=None,
        description="How the batch is laid out on plates; empty: a ranked list without wells.",
    )
    synthesis: SynthesisConfig | None = Field(
        default=None,
        description="Rules that every DNA design keeps so that it can be made, and the adapters of "
        "the order; empty: none.",
    )
    execution: ExecutionConfig = Field(default=ExecutionConfig(), title="Execution")

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

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide the result, without those of where and how it runs."""
        # A round is the same however many follow it.
        settings = self.model_dump(mode="json", exclude={"execution", "rounds", "stopping"})
        if "path" in settings["data"]["source"]:
            # The content of the file decides, not where it lies.
            del settings["data"]["source"]["path"]
        return settings


def load_config(path: Path) -> CampaignConfig:
    """Return the configuration that a YAML file holds; what it leaves out keeps its default.

    Paths in it are relative to the file. Raises InputError naming the file and each setting that
    is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    source = config.data.source
    own = getattr(source, "path", None)
    if own is None:
        return config
    placed = source.model_copy(update={"path": str(folder / Path(own).expanduser())})
    return config.model_copy(update={"data": config.data.model_copy(update={"source": placed})})


def _readable(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']} "
        f"(given: {problem['input']!r})"
        for problem in error.errors()
    )
