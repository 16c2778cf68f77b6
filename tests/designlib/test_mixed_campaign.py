"""What a campaign needs of mixed designs, from the table to the recipe sheet."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.candidates import (
    Provenance,
    build_table,
    describe_columns,
    read_candidates,
    readable,
    to_parquet_bytes,
)
from designlib.candidates.recipes import (
    check_recipe,
    component_columns,
    recipe_sheet,
    variable_units,
)
from designlib.config.constraints import CompositionConstraints
from designlib.config.recipes import RecipeConfig
from designlib.config.sampling import SamplingConfig
from designlib.config.tables import CompositionReading, TableColumns
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.constraints import build
from designlib.notation.variables import Choice, Quantity
from designlib.predictors.training import Examples, train
from designlib.predictors.trajectory import (
    PredictorSpec,
    Trajectory,
    state_from_bytes,
    state_to_bytes,
)
from designlib.randomness import torch_generator
from designlib.reports.designs import _heights, _label, parallel_figure
from designlib.sampling import build_ladders, plan_sampling
from designlib.sampling.ladders import mean_score
from designlib.sampling.run import cut_blocks, sample_block
from designlib.selection.clusters import clusters
from designlib.spaces import MixedSpace, SimplexSpace, Space, describe_space, described
from designlib.spaces.distances import nearest_measured, pairwise_distances, span
from designlib.spaces.edits import changes
from designlib.tables import from_parquet, parse_compositions
from designlib.tables import to_parquet_bytes as table_bytes
from designlib.types import InputError

ALLOY = SimplexSpace(("Fe", "Ni", "Co"), 20)
HEAT = Quantity(name="temperature", unit="°C", low=200, high=600, step=50)
TIME = Quantity(name="time", unit="h", low=0.5, high=12)
GAS = Choice(name="gas", options=("Ar", "N2", "air"))
MIXED = MixedSpace(ALLOY, (HEAT, TIME), (GAS,))
SETTINGS = MixedSpace(None, (HEAT, TIME), (GAS,))
SPACES = {"composition and variables": MIXED, "variables alone": SETTINGS}


def truth(space, designs):
    """Return a value that is large at 450 °C, 6 h, under nitrogen, and with half iron."""
    values = space.values(designs)
    heat, time = (
        torch.tensor(values[name], dtype=torch.float64) for name in ("temperature", "time")
    )
    gas = torch.tensor([{"Ar": 0.5, "N2": 1.0, "air": 0.0}[option] for option in values["gas"]])
    found = -(((heat - 450) / 100) ** 2) - ((time - 6) / 3) ** 2 + 2 * gas
    return found - 8 * (designs[:, 0] - 0.5) ** 2 if space.composition else found


def csv(space, rows=300, seed=0):
    designs = space.on_grid(space.random(rows, torch_generator(seed, "table")))
    frame = pd.DataFrame(component_columns(space, designs))
    frame.columns = [name.split("_", 1)[1] for name in frame.columns]
    frame = frame.rename(columns={"temperature": "temperature (°C)"})
    return frame.assign(strength=truth(space, designs).numpy())


def reading(space, **others):
    return CompositionReading(
        components=space.components,
        amounts="percent",
        step=5,
        quantities=space.quantities,
        choices=space.choices,
        **others,
    )


def parse(space, frame, **others):
    return parsed(frame, reading(space, **others))


def parsed(frame, asked):
    columns = TableColumns(values=("strength",))
    return parse_compositions(frame.to_csv(index=False).encode(), "t.csv", asked, columns)


@pytest.mark.parametrize("name", SPACES)
def test_spaces_join_the_contract(name):
    space = SPACES[name]
    assert isinstance(space, Space)
    designs = space.random(400, torch_generator(0))
    assert designs.shape == (400, space.columns)
    space.check(designs)
    assert torch.equal(designs, space.random(400, torch_generator(0)))
    written = space.on_grid(designs)
    assert torch.equal(space.encode(space.decode(written)), written)
    assert torch.equal(space.on_grid(written), written)
    assert described(describe_space(space)).space == space
    assert space.relax(designs).shape[1] == space.columns + 2  # three options are three inputs


def test_the_same_variables_are_told_apart_from_a_composition_alone():
    assert described(describe_space(ALLOY)).space == ALLOY
    assert "quantities" not in describe_space(ALLOY)
    with pytest.raises(InputError, match="says nothing of gas"):
        MIXED.encode(["Fe=1, temperature=200, time=1"])
    with pytest.raises(InputError, match=r"'300\.5' is no value of temperature; accepted are 200"):
        MIXED.encode(["Fe=1, temperature=300.5, time=1, gas=Ar"])
    with pytest.raises(InputError, match=r"time = 13 is out of its limits, 0\.5 to 12 h"):
        MIXED.encode(["Fe=1, temperature=300, time=13, gas=Ar"])
    with pytest.raises(InputError, match="'Fe=1' is no variable"):
        SETTINGS.encode(["Fe=1, temperature=300, time=1, gas=Ar"])


@pytest.mark.parametrize("name", SPACES)
def test_a_table_is_read_with_units_and_back_from_storage(name):
    space = SPACES[name]
    table = parse(space, csv(space))
    assert table.space == space
    assert table.rows_read == 300
    again = from_parquet(table_bytes(table))
    assert again.space == space
    pd.testing.assert_frame_equal(again.frame, table.frame)
    designs = space.encode(table.frame["design"].tolist())
    np.testing.assert_allclose(truth(space, designs), table.frame["value"])


RULES = CompositionConstraints.model_validate(
    {
        "most_components": 2,
        "quantity_ranges": [
            {"quantity": "time", "high": 5},
            {"quantity": "temperature", "low": 300},
        ],
        "allowed_options": [{"choice": "gas", "options": ["Ar", "air"]}],
    }
)


@cache
def member(space, seed=1):
    config = TrainingConfig(
        network=NetworkConfig(width=32),
        steps=400,
        batch_size=64,
        checkpoints=8,
        emphasis=0.0,
        learning_rate=0.01,
    )
    designs = space.on_grid(space.random(500, torch_generator(0, "examples")))
    values = truth(space, designs)
    spec = PredictorSpec(
        network=config.network,
        **describe_space(space),
        centre=float(values.mean()),
        scale=float(values.std()),
        seed=seed,
    )
    data = Examples(space.relax(designs), spec.learnt(values).float(), torch.ones(500))
    held = Examples(*(column[:50] for column in data))
    return Trajectory(spec, tuple(train(spec.build(), data, held, config, seed)))


def test_predictors_are_stored_whole_and_have_gradients_by_every_input():
    trajectory = member(MIXED)
    _, spec = state_from_bytes(state_to_bytes(trajectory.states[-1], trajectory.spec))
    assert spec == trajectory.spec
    network = trajectory.network(-1)
    designs = MIXED.random(64, torch_generator(3))
    inputs = MIXED.relax(designs, torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(network.double()(inputs).sum(), inputs)
    assert (gradient.abs().sum(0) > 0).all()
    small = 1e-5
    for column in range(inputs.shape[1]):
        step = torch.zeros_like(inputs)
        step[:, column] = small
        difference = (network(inputs + step) - network(inputs - step)) / (2 * small)
        torch.testing.assert_close(gradient[:, column], difference.detach(), atol=1e-6, rtol=1e-4)


def test_features_of_elements_go_with_variables_but_need_a_composition():
    network = NetworkConfig(width=8, composition_features="elements")
    shared = {"network": network, "centre": 0.0, "scale": 1.0, "seed": 0}
    built = PredictorSpec(**shared, **describe_space(MIXED)).build()
    assert built(MIXED.relax(MIXED.random(5, torch_generator(0)))).shape == (5,)
    with pytest.raises(InputError, match="the designs have no composition"):
        PredictorSpec(**shared, **describe_space(SETTINGS)).build()


def sample(space, rules, config=None, seed=0):
    members, scores = [member(space, 1), member(space, 2)], [mean_score]
    config = config or SamplingConfig(chains=129)
    config = config.model_copy(update={"sharpness": 6.0, "steps_per_rung": 8, "final_steps": 16})
    none = space.random(0, torch_generator(0))
    plan, starts = plan_sampling(members, scores, space, build(rules, space), none, config, seed)
    moved_in = plan.sampler.chain_space(space)
    ladders = build_ladders(plan, members, scores, build(rules, moved_in), space=moved_in)
    return plan.sampler, pd.concat(
        frame
        for block in cut_blocks(starts.elite.tolist())
        for frame in sample_block(plan, ladders, starts.designs, block, seed, space)
    )


@pytest.mark.parametrize("driver", ["auto", "anneal"])
@pytest.mark.parametrize("moves", ["grid", "continuous"])
@pytest.mark.parametrize("name", SPACES)
def test_sampling_finds_what_is_good_and_can_be_set(name, moves, driver):
    space = SPACES[name]
    config = SamplingConfig(chains=129, composition_moves=moves, driver=driver)
    sampler, frame = sample(space, CompositionConstraints(), config)
    assert sampler.moves == (moves if space.composition else "variables")
    assert sampler.variables
    last = frame[frame["rung"] == frame["rung"].max()]
    designs = space.encode(last["design"].tolist())
    assert torch.equal(space.on_grid(designs), designs)
    began = space.encode(last["start_design"].tolist())
    assert float(truth(space, designs).median()) > 0.8
    assert float(truth(space, began).median()) < 0
    assert 0.05 < last["acceptance"].mean() <= 1


def test_sampling_keeps_to_the_rules_and_is_the_same_again():
    _, frame = sample(MIXED, RULES)
    designs = MIXED.encode(frame["design"].unique().tolist())
    assert build(RULES, MIXED).satisfied(designs).all()
    pd.testing.assert_frame_equal(frame, sample(MIXED, RULES)[1])


def test_distances_are_gowers():
    designs = MIXED.encode(
        [
            "Fe=0.5, Ni=0.5, temperature=300, time=6, gas=Ar",
            "Fe=0.5, Ni=0.5, temperature=300, time=6, gas=Ar",
            "Fe=0.3, Ni=0.7, temperature=300, time=6, gas=Ar",
            "Fe=0.5, Ni=0.5, temperature=400, time=6, gas=air",
            "Fe=0.5, Ni=0.5, temperature=300, time=6.05, gas=Ar",
        ]
    )
    # 100 * 0.2, 100 * 100 / 400 + 100, and 100 * 0.05 / 11.5 rounded up.
    assert pairwise_distances(MIXED, designs)[0].tolist() == [0, 0, 20, 125, 1]
    assert span(MIXED) == 400
    near = nearest_measured(MIXED, designs[2:], designs[:2])
    assert near.row.tolist() == [0, 0, 0]
    assert near.distance.tolist() == [20, 125, 1]
    assert clusters(MIXED, designs).tolist() == [1, 1, 1, 2, 1]
    pairs = MIXED.decode(designs)
    assert changes(pairs[0], pairs[3]).text == "temperature 300>400;gas Ar>air"


def test_the_candidate_table_has_a_column_for_each_component_and_variable():
    designs = MIXED.encode(
        [
            "Fe=0.5, Ni=0.5, temperature=300, time=6, gas=Ar",
            "Co=1, temperature=600, time=0.5, gas=air",
        ]
    )
    texts = MIXED.decode(designs)
    frame = pd.DataFrame(
        {
            "rank": [1, 2],
            "design": texts,
            "predicted_mean": [1.0, 2.0],
            "predicted_std": [0.1, 0.1],
            "acquisition": [1.0, 0.5],
            "nearest_measured": texts[::-1],
            "distance_to_measured": [3, 3],
            "cluster": [1, 1],
            **component_columns(MIXED, designs),
        }
    )
    provenance = Provenance(
        "c",
        1,
        0,
        "p",
        "d",
        "h",
        "k",
        "strength",
        "MPa",
        True,
        "hundredths of ranges",
        variable_units(MIXED),
    )
    table = read_candidates(to_parquet_bytes(build_table(frame, MIXED, provenance)))
    told = {name: unit for name, unit, _ in describe_columns(table)}
    assert (told["quantity_temperature"], told["quantity_time"], told["choice_gas"]) == (
        "°C",
        "h",
        "",
    )
    assert table["quantity_temperature"].to_pylist() == [300.0, 600.0]
    assert table["choice_gas"].to_pylist() == ["Ar", "air"]
    shown = list(readable(table).columns)
    assert shown[2:9] == [
        "design",
        "component_Fe",
        "component_Ni",
        "component_Co",
        "quantity_temperature",
        "quantity_time",
        "choice_gas",
    ]


def test_the_recipe_says_what_to_weigh_and_what_to_set():
    sheet = recipe_sheet(
        ["Fe=0.5, Ni=0.5, temperature=300, time=6, gas=Ar"], MIXED, RecipeConfig(sample_mass=2)
    )
    row = sheet.iloc[0].to_dict()
    assert (row["Fe (g)"], row["total (g)"]) == (1.0, 2.0)
    assert (row["temperature (°C)"], row["time (h)"], row["gas"]) == (300.0, 6.0, "Ar")
    alone = recipe_sheet(["temperature=300, time=6, gas=Ar"], SETTINGS, RecipeConfig())
    assert list(alone.columns) == ["design", "temperature (°C)", "time (h)", "gas"]
    with pytest.raises(InputError, match="settings of variables are not weighed out"):
        check_recipe(RecipeConfig(sample_mass=2), SETTINGS)


@pytest.mark.parametrize("name", SPACES)
def test_parallel_coordinates_have_an_axis_for_each_variable(name):
    space = SPACES[name]
    designs, best = (space.random(n, torch_generator(n)) for n in (10, 20))
    variables = [*space.quantities, *space.choices]
    assert [_label(one) for one in variables] == ["temperature\n(°C)", "time\n(h)", "gas"]
    temperatures = space.values(designs)["temperature"]
    heights = (np.array(temperatures, float) - 200) / 400
    np.testing.assert_allclose(_heights(space.quantities[0], temperatures), heights)
    names = {"beside": "best measured designs", "value_name": "strength", "units": "MPa"}
    picture = parallel_figure(space, designs, np.linspace(0, 1, 10), best, **names)
    assert picture.png.startswith(b"\x89PNG")
    assert "scale of its own" in picture.caption
