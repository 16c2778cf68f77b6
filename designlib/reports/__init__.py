"""Figures and the report of a round: data in, PNG bytes and one HTML page out."""

from designlib.reports.campaign import campaign_page
from designlib.reports.counterfactuals import (
    CounterfactualFigures,
    counterfactual_lines,
    render_counterfactuals,
)
from designlib.reports.designs import design_figure, ternary_figure
from designlib.reports.figures import (
    Points,
    distance_figure,
    ladder_figure,
    predicted_against_known,
    training_figure,
)
from designlib.reports.learning import (
    LearningContent,
    curve_figure,
    learning_order_figure,
    render_learning,
)
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
from designlib.reports.style import BLUE, GREY, SERIES, Picture, panels, to_png
from designlib.reports.summary import (
    LADDERS,
    confidence_lines,
    summarise_batch,
    summarise_confidence,
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
    "CounterfactualFigures",
    "DataFigures",
    "KeyFigure",
    "LearningContent",
    "Picture",
    "Points",
    "PredictorFigures",
    "ReportContent",
    "RoundFigures",
    "WallTime",
    "campaign_page",
    "confidence_lines",
    "counterfactual_lines",
    "curve_figure",
    "design_figure",
    "distance_figure",
    "ladder_figure",
    "learning_order_figure",
    "panels",
    "plate_figure",
    "predicted_against_known",
    "render_counterfactuals",
    "render_learning",
    "render_report",
    "summarise_batch",
    "summarise_confidence",
    "summarise_predictor",
    "summarise_sampling",
    "ternary_figure",
    "to_png",
    "training_figure",
    "with_explained",
]
