"""Names of campaigns, wherever one is taken: none is a path, an option or a second line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from designlib.types import InputError
from flows import campaign, counterfactual, learning, measure
from tasks.inputs.campaign_config import CAMPAIGN_NAME, CampaignConfig
from tasks.record.ledger import held_ledger, load_ledger, round_folder

BAD = ("../other", "/tmp/other", "..", "", "a/b", "a\nb", "a\n", ".hidden", "a" * 65, "ä", "a b")

Command = Callable[[list[str]], int]
COMMANDS: dict[str, tuple[Command, list[str], list[str]]] = {
    "status": (campaign.main, ["status", "--"], []),
    "import": (measure.main, ["--"], ["results.csv"]),
    "counterfactuals": (counterfactual.main, ["--"], ["ACGT"]),
    "learning": (learning.main, ["--"], []),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_a_name_with_one_line(
    command: str, name: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, before, after = COMMANDS[command]
    assert main([*before, name, *after]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: campaign {name!r}: ")
    assert told.count("\n") == 1
    assert not (home / "prefect").exists()


@pytest.mark.parametrize("name", BAD)
def test_settings_and_the_record_refuse_it(name: str, home: Path) -> None:
    with pytest.raises(ValidationError):
        CampaignConfig(name=name)
    uses: tuple[Callable[[], Any], ...] = (
        lambda: load_ledger(name),
        lambda: held_ledger(name).__enter__(),
        lambda: round_folder(name, 1, "0" * 16),
    )
    for use in uses:
        with pytest.raises(InputError, match="a name has up to 64 letters"):
            use()
    assert not (home / "campaigns").exists()


def test_the_form_of_the_import_has_the_pattern() -> None:
    schema = parameter_schema(measure.import_measurements).model_dump()
    assert schema["properties"]["campaign"]["pattern"] == CAMPAIGN_NAME
