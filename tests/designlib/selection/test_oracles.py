import numpy as np
import pandas as pd

from designlib.selection.oracles import TableOracle

TABLE = pd.Series({"AA": 1.0, "AC": 2.0, "AG": 2.0, "AT": 4.0})


def test_percentiles_are_mid_ranks_of_the_table():
    oracle = TableOracle(TABLE, maximise=True)
    np.testing.assert_allclose(
        oracle.percentiles(np.array([1.0, 2.0, 2.0, 4.0])), [25, 62.5, 62.5, 100]
    )


def test_small_values_are_best_when_minimising():
    np.testing.assert_allclose(
        TableOracle(TABLE, maximise=False).percentiles(np.array([1.0, 4.0])), [100, 25]
    )


def test_unmeasured_designs_are_nan_and_the_table_is_not_changed():
    oracle = TableOracle(TABLE)
    assert np.isnan(oracle.measure(["CC"])).all()
    assert np.isnan(oracle.percentiles(oracle.measure(["CC", "AA"]))).tolist() == [True, False]
    assert oracle.measure(["AT"]).tolist() == [4.0]
