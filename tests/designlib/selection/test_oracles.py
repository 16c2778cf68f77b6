import numpy as np
import pandas as pd

from designlib.notation import DNA
from designlib.selection import Oracle
from designlib.spaces import SequenceSpace

TABLE = pd.Series({"AA": 1.0, "AC": 2.0, "AG": 2.0, "AT": 4.0})
SPACE = SequenceSpace(DNA, 2)


def test_percentiles_are_mid_ranks_of_the_table():
    oracle = Oracle(TABLE, SPACE)
    np.testing.assert_allclose(
        oracle.percentiles(np.array([1.0, 2.0, 2.0, 4.0])), [25, 62.5, 62.5, 100]
    )


def test_small_values_are_best_when_minimising():
    np.testing.assert_allclose(
        Oracle(TABLE, SPACE, maximise=False).percentiles(np.array([1.0, 4.0])), [100, 25]
    )


def test_unmeasured_designs_are_nan_and_the_table_is_not_changed():
    oracle = Oracle(TABLE, SPACE)
    assert np.isnan(oracle.measure(["CC"])).all()
    assert np.isnan(oracle.percentiles(oracle.measure(["CC", "AA"]))).tolist() == [True, False]
    assert oracle.measure(["AT"]).tolist() == [4.0]
