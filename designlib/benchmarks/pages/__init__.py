"""Pages and figures of the benchmark."""

from designlib.benchmarks.pages.benchmark_page import benchmark_files
from designlib.benchmarks.pages.comparison import VARIANT, merge_cells, merge_learning, summarise
from designlib.benchmarks.pages.digits import merge_images, summarise_images
from designlib.benchmarks.pages.loops import loop_section, merge_loops, summarise_loops
from designlib.benchmarks.pages.ready import merge_campaigns, ready_section

__all__ = [
    "VARIANT",
    "benchmark_files",
    "loop_section",
    "merge_campaigns",
    "merge_cells",
    "merge_images",
    "merge_learning",
    "merge_loops",
    "ready_section",
    "summarise",
    "summarise_images",
    "summarise_loops",
]
