from collections import Counter

import pandas as pd
import pytest
from pydantic import ValidationError

from designlib.config.splits import SplitConfig
from designlib.tables.splits import assign_folds, visible_rows
from designlib.types import InputError

GROUPS = [f"design-{n}" for n in range(1000)]


def test_shares_are_exact_and_the_rest_trains_the_predictor():
    counts = Counter(assign_folds(GROUPS, SplitConfig(), 0))
    assert counts == {"predictor": 750, "validation_model": 150, "validation": 50, "test": 50}


def test_members_of_a_group_share_a_fold():
    folds = assign_folds([*GROUPS, *GROUPS], SplitConfig(), 0)
    assert folds[:1000] == folds[1000:]


def test_a_fold_does_not_depend_on_the_order_of_the_rows_but_on_the_seed():
    folds = dict(zip(GROUPS, assign_folds(GROUPS, SplitConfig(), 0), strict=True))
    backwards = assign_folds(GROUPS[::-1], SplitConfig(), 0)
    assert [folds[group] for group in GROUPS[::-1]] == backwards
    assert assign_folds(GROUPS, SplitConfig(), 1) != list(folds.values())


def test_small_tables_fill_every_fold_or_are_refused():
    assert min(Counter(assign_folds(GROUPS[:12], SplitConfig(), 0)).values()) == 2
    with pytest.raises(InputError, match="7 distinct designs are too few"):
        assign_folds(GROUPS[:7], SplitConfig(), 0)


def test_shares_must_leave_something_to_learn_from():
    with pytest.raises(ValidationError, match="must leave at least"):
        SplitConfig(validation_model=0.8, validation=0.1, test=0.05)


@pytest.mark.parametrize(("maximise", "shown"), [(True, [1, 2, 3, 3]), (False, [3, 3, 4, 5])])
def test_the_worst_rows_are_visible(maximise, shown):
    values = pd.Series([4.0, 1.0, 3.0, 5.0, 2.0, 3.0])
    assert sorted(values[visible_rows(values, 0.6, maximise=maximise)]) == shown


def test_half_of_a_table_without_ties_is_visible():
    assert visible_rows(pd.Series(range(1000)), 0.5, maximise=True).sum() == 500
