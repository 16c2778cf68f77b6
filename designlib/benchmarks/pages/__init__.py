"""Pages and figures of the benchmark."""

from designlib.benchmarks.pages.benchmark_page import (
    FRONT,
    BenchmarkTables,
    Pages,
    benchmark_pages,
)
from designlib.benchmarks.pages.campaigns import merge_campaigns
from designlib.benchmarks.pages.comparison import ABLATION, merge_learning, merge_runs, summarise
from designlib.benchmarks.pages.digits import merge_images, summarise_images
from designlib.benchmarks.pages.loops import merge_loops, summarise_loops
from designlib.benchmarks.pages.settings import PageSettings

__all__ = [
    "ABLATION",
    "FRONT",
    "BenchmarkTables",
    "PageSettings",
    "Pages",
    "benchmark_pages",
    "merge_campaigns",
    "merge_images",
    "merge_learning",
    "merge_loops",
    "merge_runs",
    "summarise",
    "summarise_images",
    "summarise_loops",
]
