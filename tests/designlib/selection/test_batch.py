"""The choice of a batch among designs that were filtered."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from designlib.config.selection import SelectionConfig
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.selection import Shortlist, rejection_counts, select_batch
from designlib.spaces import SequenceSpace
from designlib.spaces.distances import pairwise_distances
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 6)


def config(**values):
    return SelectionConfig.model_validate({"batch_size": 8} | values)


def pool(n, seed=0, levels=1000):
    """A pool of distinct designs; few levels make many ties of acquisition."""
    rng = np.random.default_rng(seed)
    letters = torch.from_numpy(
        np.stack(np.unravel_index(rng.permutation(4**6)[:n], (4,) * 6), axis=1)
    )
    return pd.DataFrame(
        {
            "design": SPACE.decode(letters),
            "acquisition": rng.integers(0, levels, n) / levels,
            "rejected_because": "",
        }
    )


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 300),
    wanted=st.integers(1, 40),
    min_distance=st.integers(1, 6),
    batches=st.floats(1, 8),
    levels=st.sampled_from([1, 5, 1000]),
    both_strands=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_batch_is_full_distinct_and_as_far_apart_as_reported(
    n, wanted, min_distance, batches, levels, both_strands, seed
):
    chosen = config(batch_size=wanted, min_distance=min_distance, shortlist_batches=batches)
    frame = pool(n, seed, levels)
    batch, report = select_batch(frame, SPACE, chosen, both_strands=both_strands)
    designs = frame["design"].tolist()
    molecules = set(SPACE.canonical(designs)) if both_strands else set(designs)
    assert len(batch) == min(wanted, len(molecules)) == report.chosen
    assert batch["rank"].tolist() == list(range(1, len(batch) + 1))
    assert batch["acquisition"].tolist() == sorted(batch["acquisition"], reverse=True)
    letters = SPACE.encode(batch["design"].tolist())
    distances = pairwise_distances(SPACE, letters, both_strands=both_strands)
    among = distances[np.triu_indices(len(batch), 1)]
    assert (among >= report.min_distance_used).all()
    assert 1 <= report.min_distance_used <= min_distance
    assert sum(report.chosen_at_distance.values()) == len(batch)
    # The best design is always in, and nothing from below the shortlist.
    assert batch["acquisition"].iloc[0] == frame["acquisition"].max()
    ordered = sorted(frame["acquisition"], reverse=True)
    floor = ordered[min(len(ordered), report.considered + report.duplicates) - 1]
    assert batch["acquisition"].min() >= floor
    shuffled = frame.sample(frac=1, random_state=seed)
    again = select_batch(shuffled, SPACE, chosen, both_strands=both_strands)
    pd.testing.assert_frame_equal(again.frame, batch)
    assert again.report == report
    json.dumps(asdict(report))


def test_the_distance_asked_for_holds_when_it_can():
    chosen = config(batch_size=20, min_distance=3, shortlist_batches=20)
    _, report = select_batch(pool(1000), SPACE, chosen, both_strands=False)
    assert report.min_distance_used == 3
    assert report.chosen_at_distance == {"3": 20}
    assert report.closest_pair is not None
    assert report.closest_pair >= 3


def test_the_walk_takes_the_better_of_two_neighbours():
    frame = pd.DataFrame(
        {
            "design": ["AAAAAA", "AAAAAC", "CCCCCC", "GGGGGG"],
            "acquisition": [3.0, 4.0, 2.0, 1.0],
            "rejected_because": "",
        }
    )
    chosen = config(batch_size=2, min_distance=2, shortlist_batches=2)
    batch, report = select_batch(frame, SPACE, chosen, both_strands=False)
    assert batch["design"].tolist() == ["AAAAAC", "CCCCCC"]
    assert report.mean_acquisition == 3
    assert report.mean_acquisition_of_best == 3.5


def test_relaxing_fills_up_with_the_best_left_and_ranks_by_acquisition():
    frame = pd.DataFrame(
        {
            "design": ["AAAAAC", "AAAAAA", "AAAAAG", "CCCCCC"],
            "acquisition": [4.0, 3.0, 2.0, 1.0],
            "rejected_because": "",
        }
    )
    chosen = config(batch_size=3, min_distance=2, shortlist_batches=2)
    batch, report = select_batch(frame, SPACE, chosen, both_strands=False)
    assert batch["design"].tolist() == ["AAAAAC", "AAAAAA", "CCCCCC"]
    assert report.chosen_at_distance == {"2": 2, "1": 1}
    assert report.closest_pair == 1


def test_the_opposite_strand_is_a_duplicate():
    frame = pd.DataFrame(
        {"design": ["AAAAAA", "TTTTTT"], "acquisition": [1.0, 2.0], "rejected_because": ""}
    )
    batch, report = select_batch(frame, SPACE, config(), both_strands=True)
    assert batch["design"].tolist() == ["TTTTTT"]
    assert report.duplicates == 1
    assert report.closest_pair is None
    batch, _ = select_batch(frame, SPACE, config(), both_strands=False)
    assert len(batch) == 2


def test_rejected_designs_are_not_chosen():
    frame = pool(50)
    frame.loc[frame["acquisition"].idxmax(), "rejected_because"] = "too good: 1, at most 0 wanted"
    batch, report = select_batch(frame, SPACE, config(), both_strands=False)
    assert max(batch["acquisition"]) < max(frame["acquisition"])
    assert report.survivors == 49


def test_nothing_left_is_explained():
    frame = pool(3).assign(rejected_because="too close to a measured design: 0 letters")
    with pytest.raises(InputError, match=r"none of 3 .* too close to a measured design \(3\)"):
        select_batch(frame, SPACE, config(), both_strands=False)


def test_an_unknown_acquisition_is_refused():
    frame = pool(3).assign(acquisition=[1.0, float("nan"), 0.0])
    with pytest.raises(InputError, match="acquisition is NaN in row 2"):
        select_batch(frame, SPACE, config(), both_strands=False)


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 0},
        {"std_weight": -1},
        {"min_distance": 0},
        {"shortlist_batches": 0.5},
        {"batch_size": 1536, "shortlist_batches": 10},
        {"min_from_measured": 3, "max_from_measured": 2},
        {"validation_quantile": 1},
        {"max_std_quantile": 0},
        {"batchsize": 96},
    ],
)
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(ValidationError):
        SelectionConfig(**values)


def test_every_setting_explains_itself_in_a_form():
    for field in SelectionConfig.model_fields.values():
        assert field.description
        assert field.description.endswith(".")
        assert field.default_factory is None
        assert not field.is_required()


# ---- quotas and exploring


def crowd(**columns):
    """Forty designs in four families of ten, the best first and the most uncertain last."""
    stems = ["AAAAAA", "CCCCCC", "GGGGGG", "TTTTTT"]
    designs = [
        stem + a + b for stem in stems for a, b in zip("ACGTACGTAC", "ACGTCGTAGT", strict=True)
    ]
    number = len(designs)
    return pd.DataFrame(
        {
            "design": designs, "acquisition": np.linspace(1, 0, number), "rejected_because": "",
            "predicted_std": np.linspace(0, 1, number),
            "parent_design": [stems[n // 10] if n % 2 else None for n in range(number)], **columns,
        }
    )  # fmt: skip


EIGHT = SequenceSpace(DNA, 8)


def chosen(**settings):
    config = SelectionConfig(min_distance=1, shortlist_batches=50, **settings)
    return select_batch(crowd(), EIGHT, config, both_strands=False)


def test_quotas_hold_and_the_next_best_are_taken():
    batch = chosen(batch_size=8, max_per_cluster=2).frame
    assert batch["design"].str[:6].value_counts().max() == 2
    assert batch["design"].str[:6].nunique() == 4
    parents = chosen(batch_size=12, max_per_parent=1).frame["parent_design"].dropna()
    assert parents.is_unique
    assert len(parents) >= 1


def test_a_batch_stays_short_where_quotas_are_exhausted():
    found = chosen(batch_size=30, max_per_cluster=2)
    assert found.report.chosen == len(found.frame) == 8
    assert found.report.wanted == 30


def test_a_share_of_the_batch_explores():
    found = chosen(batch_size=8, explore_share=0.25).frame
    assert found["role"].tolist() == ["exploit"] * 6 + ["explore"] * 2
    # The most uncertain ones, which acquisition alone would never take.
    assert found["design"].tolist()[-2:] == crowd()["design"].tolist()[-2:]
    assert found["rank"].tolist() == list(range(1, 9))
    assert set(chosen(batch_size=8).frame["role"]) == {"exploit"}


def test_thompson_draws_explore_by_themselves():
    with pytest.raises(ValidationError, match="explore_share does not go with"):
        SelectionConfig(acquisition="thompson", explore_share=0.1)
    assert SelectionConfig(acquisition="thompson").explore_share == 0


@pytest.mark.parametrize("diversity", ["facility_location", "determinantal"])
def test_other_kinds_of_diversity_spread_the_batch(diversity: str) -> None:
    space = SequenceSpace(DNA, 8)
    designs = space.decode(space.random(400, torch_generator(0, "pool")).unique(dim=0))
    better = [sum(a == b for a, b in zip(design, "ACGTACGT", strict=True)) for design in designs]
    frame = pd.DataFrame(
        {"design": designs, "acquisition": [float(b) for b in better], "rejected_because": ""}
    )
    plain = SelectionConfig(batch_size=16, shortlist_batches=20, min_distance=1)
    chosen = {}
    for kind, config in {
        "best": plain.model_copy(update={"shortlist_batches": 1.0}),
        diversity: plain.model_copy(update={"diversity": diversity, "max_per_cluster": 3}),
    }.items():
        chosen[kind] = select_batch(frame, space, config, both_strands=True)
    reports = {kind: batch.report for kind, batch in chosen.items()}
    assert reports[diversity].chosen == 16
    assert float(reports[diversity].mean_distance or 0) > float(reports["best"].mean_distance or 0)
    assert chosen[diversity].frame["acquisition"].mean() > np.mean(better)
    shuffled = frame.sample(frac=1, random_state=1)
    again = select_batch(
        shuffled, space,
        plain.model_copy(update={"diversity": diversity, "max_per_cluster": 3}), both_strands=True,
    )  # fmt: skip
    assert again.frame["design"].tolist() == chosen[diversity].frame["design"].tolist()


def test_exploring_goes_with_distance_alone() -> None:
    with pytest.raises(ValueError, match="explore_share does not go with diversity determinantal"):
        SelectionConfig(diversity="determinantal", explore_share=0.2)


@pytest.mark.parametrize("cuts", [(), (1,), (100, 101, 350), tuple(range(7, 400, 7))])
@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 12},
        {"batch_size": 12, "explore_share": 0.5},
        {"batch_size": 5, "max_per_cluster": 2, "min_distance": 3},
    ],
)
def test_a_batch_is_the_same_however_the_designs_arrive(cuts, values):
    rng = np.random.default_rng(4)
    # Few levels, so that many are equal, and both strands of most molecules are there.
    designs = pool(300, levels=6)["design"].tolist()
    designs += SPACE.decode(SPACE.reverse_complement(SPACE.encode(designs[:100])))
    frame = pd.DataFrame({"design": designs}).drop_duplicates().reset_index(drop=True)
    frame["acquisition"] = rng.integers(0, 6, len(frame)) / 6
    frame["predicted_std"] = rng.integers(1, 5, len(frame)) / 4
    frame["rejected_because"] = np.where(rng.random(len(frame)) < 0.2, "too close: 0", "")
    whole = select_batch(frame, SPACE, config(**values), both_strands=True)
    shuffled = frame.sample(frac=1, random_state=1)
    shortlist = Shortlist(SPACE, config(**values), both_strands=True)
    for part in np.split(np.arange(len(frame)), cuts):
        shortlist.add(shuffled.iloc[part])
    in_parts = shortlist.batch()
    pd.testing.assert_frame_equal(in_parts.frame, whole.frame)
    assert in_parts.report == whole.report
    assert shortlist.designs == len(frame)
    assert shortlist.rejected == rejection_counts(frame)
    kept = frame[frame["rejected_because"] == ""]
    ordered = kept.sort_values(["acquisition", "design"], ascending=[False, True])
    best = ordered["design"].head(values["batch_size"]).tolist()
    assert shortlist.best_by_score["design"].tolist() == best


def test_a_shortlist_of_nothing_says_why():
    shortlist = Shortlist(SPACE, config(), both_strands=False)
    shortlist.add(pool(1).assign(rejected_because="too close: 0"))
    with pytest.raises(InputError, match=r"none of 1 sampled designs .* too close \(1\)"):
        shortlist.batch()
