"""What a campaign needs of compositions, from predictor to candidate table."""

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.candidates import (
    Provenance,
    build_table,
    read_candidates,
    readable,
    to_parquet_bytes,
)
from designlib.candidates.recipes import component_columns
from designlib.config.constraints import CompositionConstraints
from designlib.config.sampling import SamplingConfig
from designlib.config.tables import Transform, TruthKind
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.constraints import build
from designlib.notation.alphabets import DNA
from designlib.predictors.training import Examples, train
from designlib.predictors.trajectory import (
    PredictorSpec,
    Trajectory,
    state_from_bytes,
    state_to_bytes,
)
from designlib.randomness import torch_generator
from designlib.sampling import build_ladders, choose_sampler, plan_sampling
from designlib.sampling.ladders import mean_score
from designlib.sampling.run import cut_blocks, sample_block
from designlib.selection.clusters import clusters
from designlib.selection.oracles import Oracle
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.spaces.distances import nearest_measured, pairwise_distances, span
from designlib.tables.splits import random_rows
from designlib.types import InputError

SPACE = SimplexSpace(("Fe", "Ni", "Co", "O"), grid_steps=20)
OPTIMUM = torch.tensor([0.5, 0.3, 0.0, 0.2], dtype=torch.float64)


def truth(designs):
    """Return a value that is large, and above zero, near one composition."""
    return (-20 * (designs - OPTIMUM).square().sum(1)).exp() + 0.01


def member(seed: int, transform: Transform = "none") -> Trajectory:
    config = TrainingConfig(
        network=NetworkConfig(width=32),
        steps=300,
        batch_size=64,
        checkpoints=8,
        emphasis=0.0,
        learning_rate=0.01,
    )
    designs = SPACE.random(400, torch_generator(0, "examples"))
    values = truth(designs)
    scale = values.log() if transform == "log" else values
    spec = PredictorSpec(
        network=config.network,
        components=SPACE.components,
        parts=20,
        transform=transform,
        centre=float(scale.mean()),
        scale=float(scale.std()),
        seed=seed,
    )
    data = Examples(SPACE.relax(designs), spec.learnt(values).float(), torch.ones(400))
    held = Examples(*(column[:50] for column in data))
    return Trajectory(spec, tuple(train(spec.build(), data, held, config, seed)))


@pytest.fixture(scope="module")
def ensemble():
    return [member(1), member(2)]


def sample(members, config, constraint_config, seed=0):
    config = config.model_copy(update={"sharpness": 6.0, "steps_per_rung": 4, "final_steps": 8})
    none, scores = SPACE.random(0, torch_generator(0)), [mean_score]
    constraint = build(constraint_config, SPACE)
    plan, starts = plan_sampling(members, scores, SPACE, constraint, none, config, seed)
    moved_in = plan.sampler.chain_space(SPACE)
    ladders = build_ladders(
        plan, members, scores, build(constraint_config, moved_in), space=moved_in
    )
    return plan.sampler, pd.concat(
        frame
        for block in cut_blocks(starts.elite.tolist())
        for frame in sample_block(plan, ladders, starts.designs, block, seed, SPACE)
    )


@pytest.mark.parametrize("driver", ["auto", "anneal"])
@pytest.mark.parametrize("moves", ["auto", "continuous"])
def test_sampling_finds_what_is_good_in_whole_steps(ensemble, driver, moves):
    config = SamplingConfig(chains=129, driver=driver, composition_moves=moves)
    rules = CompositionConstraints(most_components=3)
    sampler, frame = sample(ensemble, config, rules)
    assert sampler.driver == ("anneal" if driver == "anneal" else "smc")
    assert sampler.moves == ("grid" if moves == "auto" else "continuous")
    assert frame["chain"].nunique() == 129
    last = frame[frame["rung"] == frame["rung"].max()]
    designs = SPACE.encode(last["design"].tolist())
    assert build(rules, SPACE).satisfied(designs).all()
    began = SPACE.encode(last["start_design"].tolist())
    assert float(truth(designs).median()) > 0.5 > 5 * float(truth(began).median())
    assert 0.05 < last["acceptance"].mean() <= 1


def test_the_same_seed_gives_the_same_samples(ensemble):
    config = SamplingConfig(chains=20)
    first, second, other = (
        sample(ensemble, config, CompositionConstraints(), seed)[1] for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, second)
    assert not first["design"].equals(other["design"])


def test_a_space_of_too_many_transfers_is_sampled_continuously():
    elements = SimplexSpace(tuple(f"c{index}" for index in range(80)), grid_steps=1000)
    assert choose_sampler(SamplingConfig(), elements).moves == "continuous"
    letters = choose_sampler(SamplingConfig(), SequenceSpace(DNA, 8))
    assert (letters.driver, letters.moves) == ("anneal", "letters")
    assert letters.label == "trajectory annealing, Gibbs with gradients"


def test_a_predictor_of_logarithms_predicts_in_the_original_unit():
    trajectory = member(1, "log")
    designs = SPACE.random(200, torch_generator(5))
    scores = trajectory.network(-1)(SPACE.relax(designs)).double()
    predicted = trajectory.spec.in_units(scores)
    assert (predicted > 0).all()
    known = truth(designs)
    assert float(np.corrcoef(predicted.log(), known.log())[0, 1]) > 0.9
    assert torch.allclose(trajectory.spec.in_units(trajectory.spec.learnt(known)), known)
    with pytest.raises(InputError, match="not above zero"):
        trajectory.spec.learnt(torch.zeros(1, dtype=torch.float64))


def test_a_checkpoint_of_compositions_is_read_back(ensemble):
    (state, spec), content = (ensemble[0].states[-1], ensemble[0].spec), None
    content = state_to_bytes(state, spec)
    again, known = state_from_bytes(content)
    assert known == spec
    assert known.space == SPACE
    assert state_to_bytes(again, known) == content


def test_distances_count_the_steps_to_be_moved():
    designs = SPACE.encode(["Fe=1", "Fe=0.9, Ni=0.1", "Ni=0.5, Co=0.5"])
    assert pairwise_distances(SPACE, designs).tolist() == [[0, 2, 20], [2, 0, 18], [20, 18, 0]]
    table = SPACE.random(300, torch_generator(6))
    asked = SPACE.random(50, torch_generator(7))
    found = nearest_measured(SPACE, asked, table)
    exact = ((asked[:, None] - table[None]).abs().sum(2) / 2 * 20).round()
    assert found.distance.tolist() == exact.min(1).values.tolist()
    assert found.row.tolist() == exact.argmin(1).tolist()
    assert clusters(SPACE, designs).tolist() == [1, 1, 2]
    with pytest.raises(InputError, match="in the steps of a grid"):
        span(SimplexSpace(("a", "b")))


@pytest.mark.parametrize("kind", ["table", "nearest", "forest"])
def test_oracles_answer_for_what_was_not_measured(kind: TruthKind):
    designs = SPACE.random(500, torch_generator(8)).unique(dim=0)
    values = pd.Series(truth(designs).numpy(), index=SPACE.decode(designs))
    asked = [values.index[3], "Fe=0.5, Ni=0.3, O=0.2", "Fe=0.55, Ni=0.25, O=0.2"]
    unmeasured = [design not in values.index for design in asked]
    oracle = Oracle(values, SPACE, kind)
    found = oracle.measure(asked)
    standing = oracle.percentiles(found)
    assert found[0] == pytest.approx(values.iloc[3], abs=0.1)
    if kind == "table":
        assert np.isnan(found).tolist() == unmeasured == np.isnan(standing).tolist()
        assert any(unmeasured)
    else:
        assert (standing[1:] > 90).all()
        minimised = Oracle(values, SPACE, kind, maximise=False)
        assert (minimised.percentiles(found)[1:] < 10).all()


def test_random_rows_are_drawn_by_seed_and_design_alone():
    designs = [f"d{index}" for index in range(1000)]
    seen = random_rows(designs, 0.1, 3)
    assert seen.sum() == 100
    turned = random_rows(designs[::-1], 0.1, 3)
    assert (turned[::-1] == seen).all()
    assert (random_rows(designs, 0.1, 4) != seen).any()


def test_the_candidate_table_has_a_column_for_each_component():
    designs = ["Fe=0.5, Ni=0.3, O=0.2", "Ni=1"]
    frame = pd.DataFrame(
        {
            "design": designs,
            "rank": [1, 2],
            "predicted_mean": [1.0, 0.5],
            "predicted_std": 0.1,
            "acquisition": [1.0, 0.5],
            "parent_design": ["Fe=1", None],
            "nearest_measured": "Fe=1",
            "distance_to_measured": [10, 20],
            "cluster": [1, 2],
            "constraint_components": "ok",
        }
    ).assign(**component_columns(SPACE, SPACE.encode(designs)))
    provenance = Provenance(
        campaign="c",
        round=1,
        seed=0,
        predictor_hash="p",
        dataset_hash="d",
        config_hash="g",
        round_key="k",
        value_name="activity",
        value_units="mA",
        maximise=True,
        distance_units="steps of 5 %",
    )
    table = read_candidates(to_parquet_bytes(build_table(frame, SPACE, provenance)))
    amounts = [f"component_{name}" for name in SPACE.components]
    assert [n for n in table.column_names if n.startswith("component_")] == amounts
    assert table.select(amounts).to_pandas().sum(axis=1).tolist() == [100.0, 100.0]
    assert table.schema.field("distance_to_measured").metadata[b"unit"] == b"steps of 5 %"
    assert table["edits"].to_pylist() == ["Fe 1>0.5;Ni 0>0.3;O 0>0.2", None]
    assert list(readable(table).columns[:7]) == ["rank", "candidate_id", "design", *amounts]
