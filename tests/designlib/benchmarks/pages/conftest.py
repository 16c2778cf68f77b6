"""The settings of the pages in the repository, for all tests of pages."""

import pytest
import yaml

from designlib.benchmarks.pages.settings import PageSettings
from tasks.installation.settings import REPOSITORY


@pytest.fixture(scope="session")
def page_settings() -> PageSettings:
    """What docs/benchmarks/page.yaml says."""
    text = (REPOSITORY / "docs" / "benchmarks" / "page.yaml").read_text()
    return PageSettings.model_validate(yaml.safe_load(text))
