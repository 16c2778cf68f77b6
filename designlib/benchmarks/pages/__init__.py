"""Pages and figures of the benchmark."""

from designlib.benchmarks.pages.comparison import ABLATION
from designlib.benchmarks.pages.front import FRONT, Pages, benchmark_pages
from designlib.benchmarks.pages.settings import PageSettings
from designlib.benchmarks.pages.tables import TABLES, merge, summarise

__all__ = [
    "ABLATION",
    "FRONT",
    "TABLES",
    "PageSettings",
    "Pages",
    "benchmark_pages",
    "merge",
    "summarise",
]
