"""The settings of a campaign: defaults, relative paths, and what decides the result."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from designlib.types import InputError
from tasks.inputs.campaign_config import CampaignConfig, load_config
from tasks.inputs.config import NamedDataset, TableFile
from tasks.inputs.round_inputs import ledger_settings, same_settings
from tasks.installation.settings import REPOSITORY

_OLD = Path(__file__).with_name("release_0_1")
RELEASE_0_1 = sorted(_OLD.glob("*.yaml"))
"""Settings files as release 0.1 (commit 1e3e39f) came with them or documented them."""


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("seed: 7\ntraining: {members: 2}\n")
    config = load_config(file)
    default = CampaignConfig()
    assert config.seed == 7
    assert config.training == default.training.model_copy(update={"members": 2})
    assert config.model_copy(update={"seed": 0, "training": default.training}) == default


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_is_the_default(tmp_path: Path, content: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(content)
    assert load_config(file) == CampaignConfig()


def test_a_path_is_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plates").mkdir()
    file = tmp_path / "plates" / "campaign.yaml"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    for said, meant in {
        "one.csv": str(tmp_path / "plates" / "one.csv"),
        "/elsewhere/one.csv": "/elsewhere/one.csv",
        "~/one.csv": "/home/someone/one.csv",
    }.items():
        file.write_text(f"data: {{source: {{path: {said}}}}}")
        source = load_config(file).data.source
        assert isinstance(source, TableFile)
        assert source.path == meant


def test_a_named_data_set_has_no_path(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("data: {source: {visible_share: 0.25}}")
    assert load_config(file).data.source == NamedDataset(visible_share=0.25)


def test_every_wrong_setting_is_named_with_what_was_given(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("seed: x\ntraining: {stepz: 3, members: 99}\n")
    with pytest.raises(InputError) as caught:
        load_config(file)
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    for part in ("seed: ", "'x'", "training.stepz: ", "training.members: ", "99"):
        assert part in said
    assert "\n" not in said


def test_where_and_how_it_runs_does_not_decide_the_result() -> None:
    def own(path: str, **others: str) -> CampaignConfig:
        return CampaignConfig.model_validate(
            {"data": {"source": {"path": path, **others}}, "execution": {"shards": len(path)}}
        )

    assert own("a.csv").deciding() == own("elsewhere/a.csv").deciding()
    assert own("a.csv").deciding() != own("a.csv", objective="minimise").deciding()
    assert CampaignConfig(seed=1).deciding() != CampaignConfig().deciding()
    assert CampaignConfig(name="b").deciding() != CampaignConfig().deciding()


@pytest.mark.parametrize("file", sorted((REPOSITORY / "flows" / "configs").glob("*.yaml")))
def test_the_configurations_that_come_with_it_are_valid(file: Path) -> None:
    load_config(file)


def test_of_alternatives_only_the_one_that_was_meant_is_spoken_of(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(
        "constraints: {most_components: 0}\ndata: {source: {path: x, compositions: {step: 7}}}"
    )
    with pytest.raises(InputError) as caught:
        load_config(file)
    said = str(caught.value)
    assert "data.source.compositions.step: " in said
    assert "7 % cannot make up 100 %" in said
    assert "constraints.most_components: " in said
    assert said.count("given: ") == 2


def test_the_path_of_compositions_is_relative_to_the_file_and_does_not_decide(
    tmp_path: Path,
) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("data: {source: {path: blends.csv, compositions: {}, direction: minimise}}")
    config = load_config(file)
    assert isinstance(config.data.source, TableFile)
    assert config.data.source.path == str(tmp_path / "blends.csv")
    assert "path" not in config.deciding()["data"]["source"]


@pytest.mark.parametrize("file", RELEASE_0_1, ids=lambda file: file.stem)
def test_settings_files_of_release_0_1_are_read(file: Path) -> None:
    config = load_config(file)
    assert CampaignConfig.model_validate(config.model_dump()) == config


def test_retired_settings_are_ignored_with_a_notice(caplog: pytest.LogCaptureFixture) -> None:
    assert load_config(_OLD / "retired.yaml").training.members == 2
    notices = [record.getMessage() for record in caplog.records]
    retired = ["scorer_members", "strictness", "shuffle"]
    assert [notice.split()[0] for notice in notices] == retired
    assert all("is no longer a setting" in notice for notice in notices)


def test_settings_merged_since_release_0_1_are_read_with_a_notice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = load_config(_OLD / "merged.yaml")
    assert config == CampaignConfig.model_validate(
        {
            "name": "merged",
            "constraints": {
                "component_ranges": [
                    {"components": ["Fe"], "high": 60},
                    {"components": ["Fe", "Ni"], "low": 50},
                ],
                "never_together": [{"components": ["Ce", "La"]}],
                "ratios": [{"component": "Fe", "to": "Ni", "low": 0.5}],
                "near_measured": 20,
                "chemistry": "compounds",
            },
            "objectives": {
                "weighted": [{"column": "yield", "weight": 1.5}, {"column": "cost", "weight": 0.5}]
            },
            "synthesis": {
                "rules": {"gc": {"low": 0.3, "high": 0.75, "window": 50}},
                "adapters": {"left": "GGTCTCA", "right": "TGAGACC"},
            },
            "predictor": {
                "model": "models:cnn(width=8)",
                "input": {"flanks": {"left": "ACGT"}},
                "examples": [{"design": "A", "value": 1}, {"design": "C", "value": 2}],
            },
            "execution": {"runner": "dask tcp://scheduler:8786"},
        }
    )
    notices = {record.getMessage().split()[0] for record in caplog.records}
    assert notices == {
        "component",
        "members",
        "group_ranges",
        "first",
        "near_measured",
        "chemistry",
        "first_weight",
        "gc_low,",
        "adapter_before,",
        "factory",
        "left,",
        "address",
    }


def test_settings_that_release_0_1_recorded_are_recognised() -> None:
    config = load_config(_OLD / "own_table.yaml")
    now = ledger_settings(config, None)
    recorded = copy.deepcopy(now)
    source = recorded["data"]["source"]
    for new, old in (("direction", "objective"), ("unit", "units")):
        source[old] = source.pop(new)
    for added in ("compositions", "transform"):
        del source[added]
    assert same_settings(recorded, now)
    assert not same_settings({**recorded, "seed": 2}, now)
    assert not same_settings({"constraints": {"unknown": 1}}, now)
    assert not same_settings({**recorded, "predictor": {"content": "a"}}, now)


def test_compositions_of_release_0_1_become_the_same_table(
    caplog: pytest.LogCaptureFixture,
) -> None:
    films = load_config(_OLD / "films.yaml").data.source
    formulas = load_config(_OLD / "formulas.yaml").data.source
    assert isinstance(films, TableFile)
    assert isinstance(formulas, TableFile)
    assert films.path.endswith("films.csv")
    assert films.columns.values == ("efficiency",)
    assert films.compositions is not None
    assert films.compositions.amounts == "any"
    assert len(films.compositions.quantities) == 1
    assert (films.direction, films.unit, films.transform) == ("minimise", "GPa", "log")
    assert (formulas.columns.design, formulas.columns.error) == ("formula", "sem")
    told = [record.getMessage() for record in caplog.records]
    assert told.count("composition_file is now called path") == 2
    assert told.count("reading is now called compositions") == 2


def test_what_schedules_start_are_valid_configurations() -> None:
    content = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text(encoding="utf-8"))
    scheduled = [d for d in content["deployments"] if d.get("schedules")]
    assert [d["name"] for d in scheduled] == ["nightly-dna", "weekly-materials"]
    for deployment in scheduled:
        own = deployment["parameters"]["config"]
        assert CampaignConfig.model_validate(own).name == own["name"]
        for schedule in deployment["schedules"]:
            assert schedule["parameters"] == deployment["parameters"]
            assert "active" not in schedule
