"""Figures and the report of a round: data in, PNG bytes and one HTML page out."""

from designlib.reports.calibration import calibration_by_round
from designlib.reports.campaign import campaign_page
from designlib.reports.compositions import parallel_figure, ternary_figure, variable_axes
from designlib.reports.confidence import confidence_lines, summarise_confidence
from designlib.reports.counterfactuals import counterfactual_lines, render_counterfactuals
from designlib.reports.figures import (
    Points,
    distance_figure,
    ladder_figure,
    predicted_against_known,
    training_figure,
)
from designlib.reports.fronts import front_figure, fronts_by_round
from designlib.reports.learning import (
    LearningContent,
    curve_figure,
    learning_order_figure,
    render_learning,
)
from designlib.reports.logo import logo_figure
from designlib.reports.plate import plate_figure
from designlib.reports.report import (
    RESAMPLED,
    SEARCHED,
    KeyFigure,
    ReportContent,
    render_report,
    with_explained,
)
from designlib.reports.round_figures import (
    BatchFigures,
    DataFigures,
    PredictorFigures,
    RoundFigures,
    WallTime,
)
from designlib.reports.rounds import (
    calibration_figure,
    ground_figure,
    learning_figure,
    map_figure,
    progress_figure,
    scatter_figure,
)
from designlib.reports.style import BLUE, GREY, SERIES, Picture, panels, to_png
from designlib.reports.summary import (
    LADDERS,
    summarise_batch,
    summarise_predictor,
    summarise_sampling,
)

__all__ = [
    "BLUE",
    "GREY",
    "LADDERS",
    "RESAMPLED",
    "SEARCHED",
    "SERIES",
    "BatchFigures",
    "DataFigures",
    "KeyFigure",
    "LearningContent",
    "Picture",
    "Points",
    "PredictorFigures",
    "ReportContent",
    "RoundFigures",
    "WallTime",
    "calibration_by_round",
    "calibration_figure",
    "campaign_page",
    "confidence_lines",
    "counterfactual_lines",
    "curve_figure",
    "distance_figure",
    "front_figure",
    "fronts_by_round",
    "ground_figure",
    "ladder_figure",
    "learning_figure",
    "learning_order_figure",
    "logo_figure",
    "map_figure",
    "panels",
    "parallel_figure",
    "plate_figure",
    "predicted_against_known",
    "progress_figure",
    "render_counterfactuals",
    "render_learning",
    "render_report",
    "scatter_figure",
    "summarise_batch",
    "summarise_confidence",
    "summarise_predictor",
    "summarise_sampling",
    "ternary_figure",
    "to_png",
    "training_figure",
    "variable_axes",
    "with_explained",
]
