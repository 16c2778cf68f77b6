"""Which of the sampled designs are ordered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from designlib.config.base import Config

AcquisitionKind: TypeAlias = Literal[
    "lower_bound", "mean", "upper_bound", "expected_improvement", "thompson"
]


DiversityKind: TypeAlias = Literal["distance", "facility_location", "determinantal"]


_LONGEST_SHORTLIST = 5000  # its distances to itself take 300 MB


_LONGEST_BY_BLOCKS = 100_000


class SelectionConfig(Config):
    """Which of the sampled designs are ordered."""

    renamed: ClassVar[Mapping[str, str]] = {
        "spread_weight": "std_weight",
        "heldout_quantile": "validation_quantile",
        "max_spread_quantile": "max_std_quantile",
    }

    retired: ClassVar[Mapping[str, str]] = {
        "explore_weight": "exploring counts two standard deviations",
        "diversity_weight": "diversity counts as much as acquisition",
    }

    batch_size: int = Field(
        default=96, ge=1, le=1536, description="Number of candidates in the batch, in designs."
    )
    acquisition: AcquisitionKind = Field(
        default="lower_bound",
        description=(
            "What candidates are ranked by: the predicted mean, made worse (lower_bound) or better "
            "(upper_bound) by std_weight standard deviations of the ensemble; the improvement "
            "expected over the best measured value; or turns taken by randomly drawn members "
            "(thompson)."
        ),
    )
    std_weight: float = Field(
        default=0.1,
        ge=0,
        le=10,
        description="How many standard deviations of the ensemble lower_bound subtracts and "
        "upper_bound adds.",
    )
    min_distance: int = Field(
        default=2,
        ge=1,
        le=1000,
        description=(
            "Smallest distance between any two candidates of the batch, in letters, or in "
            "steps of a composition. It is lowered step by step, and reported, when the shortlist "
            "cannot fill the batch otherwise."
        ),
    )
    shortlist_batches: float = Field(
        default=2.5,
        ge=1,
        le=5000,
        description=(
            "The batch is chosen from the best designs, this many times its size: 1 takes the best "
            "without regard to diversity, more gives diversity more room."
        ),
    )
    diversity: DiversityKind = Field(
        default="distance",
        description=(
            "How the batch is spread. distance: best first, each at least min_distance from those "
            "before it. facility_location: what best represents the shortlist, good designs "
            "counting most. determinantal: what spans most volume, quality times dissimilarity. "
            "The latter two choose from shortlists of up to 100,000."
        ),
    )
    min_from_measured: int = Field(
        default=1,
        ge=0,
        le=1000,
        description=(
            "Smallest distance of a candidate to any measured design, in letters or steps. 1 "
            "excludes what has been measured; 0 allows it."
        ),
    )
    max_from_measured: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description=(
            "Largest distance of a candidate to its nearest measured design, in letters or steps, "
            "to stay where data support the predictions; empty for no limit."
        ),
    )
    explore_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "Share of the batch that is chosen for what it may teach: by acquisition plus "
            "two standard deviations of the ensemble."
        ),
    )
    max_per_parent: int | None = Field(
        default=None,
        ge=1,
        le=1536,
        description=(
            "Most candidates of the batch that may come from one measured design; empty: any. "
            "Chains from random starts have no parent."
        ),
    )
    max_per_cluster: int | None = Field(
        default=None,
        ge=1,
        le=1536,
        description=(
            "Most candidates of the batch that may be in one cluster of similar designs, which "
            "differ at no more than a third of the sites; empty: any."
        ),
    )
    validation_quantile: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description=(
            "A design stays when the validation model, trained on other data, scores it no worse "
            "than this quantile of the measured designs: 0.5 is their median, 0 the worst of them."
        ),
    )
    max_std_quantile: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description=(
            "Share of the sampled designs, by standard deviation of the ensemble, that may "
            "stay: 0.95 rejects the 5 % that the ensemble members disagree about most, 1 rejects "
            "none."
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> SelectionConfig:
        longest = _LONGEST_SHORTLIST if self.diversity == "distance" else _LONGEST_BY_BLOCKS
        if self.shortlist > longest:
            raise ValueError(
                f"batch_size x shortlist_batches is {self.shortlist} designs; the diverse choice "
                f"takes at most {longest}"
            )
        if self.diversity != "distance" and self.explore_share > 0:
            raise ValueError(
                f"explore_share does not go with diversity {self.diversity}; set it to 0, or "
                "diversity to distance"
            )
        if self.explore_share > 0 and self.acquisition == "thompson":
            raise ValueError(
                "explore_share does not go with acquisition thompson, whose draws explore already; "
                "set it to 0"
            )
        if self.max_from_measured is not None and self.max_from_measured < self.min_from_measured:
            raise ValueError(
                f"max_from_measured is {self.max_from_measured}; it must be at least "
                f"min_from_measured, {self.min_from_measured}"
            )
        return self

    @property
    def shortlist(self) -> int:
        """Number of best-ranked designs that the batch is chosen from."""
        return math.ceil(self.batch_size * self.shortlist_batches)
