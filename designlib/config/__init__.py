"""What a person can choose: settings that a file or a web form gives, checked, with their units.

These modules import neither PyTorch nor NumPy nor pandas, so that a server which only shows the
form, or a command which only reads a file, starts at once.
"""

from designlib.config.base import Config
from designlib.config.constraints import (
    ChemistryCheck,
    ComponentRange,
    CompositionConstraints,
    CompositionRule,
    ConstraintConfig,
    DesignConstraints,
    FixedSite,
    GCConfig,
    OptionChoice,
    QuantityRange,
    Rule,
    SequenceRule,
)
from designlib.config.counterfactuals import CounterfactualConfig
from designlib.config.external_predictor import (
    ExternalPredictor,
    OwnInput,
    OwnNetwork,
    OwnOutput,
    factory_call,
)
from designlib.config.learning import LearningConfig
from designlib.config.objectives import (
    LimitsConfig,
    Objective,
    ObjectivesConfig,
    ObjectiveSettings,
    ParetoConfig,
    SpecificityConfig,
    WeightedConfig,
)
from designlib.config.plates import PLATE_FORMATS, PlateConfig, read_well
from designlib.config.recipes import RecipeConfig
from designlib.config.sampling import RungChoice, SamplingConfig
from designlib.config.selection import AcquisitionKind, SelectionConfig
from designlib.config.splits import SplitConfig
from designlib.config.stopping import StoppingConfig
from designlib.config.synthesis import DesignRules, SynthesisConfig, VendorRules
from designlib.config.tables import (
    CANONICAL_COLUMNS,
    AlphabetChoice,
    CompositionReading,
    Direction,
    TableColumns,
    TableReading,
    Transform,
    TruthKind,
)
from designlib.config.training import NetworkConfig, TrainingConfig

__all__ = [
    "CANONICAL_COLUMNS",
    "PLATE_FORMATS",
    "AcquisitionKind",
    "AlphabetChoice",
    "ChemistryCheck",
    "ComponentRange",
    "CompositionConstraints",
    "CompositionReading",
    "CompositionRule",
    "Config",
    "ConstraintConfig",
    "CounterfactualConfig",
    "DesignConstraints",
    "DesignRules",
    "Direction",
    "ExternalPredictor",
    "FixedSite",
    "GCConfig",
    "LearningConfig",
    "LimitsConfig",
    "NetworkConfig",
    "Objective",
    "ObjectiveSettings",
    "ObjectivesConfig",
    "OptionChoice",
    "OwnInput",
    "OwnNetwork",
    "OwnOutput",
    "ParetoConfig",
    "PlateConfig",
    "QuantityRange",
    "RecipeConfig",
    "Rule",
    "RungChoice",
    "SamplingConfig",
    "SelectionConfig",
    "SequenceRule",
    "SpecificityConfig",
    "SplitConfig",
    "StoppingConfig",
    "SynthesisConfig",
    "TableColumns",
    "TableReading",
    "TrainingConfig",
    "Transform",
    "TruthKind",
    "VendorRules",
    "WeightedConfig",
    "factory_call",
    "read_well",
]
