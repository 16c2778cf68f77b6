"""Results of compositions and variables: by id, design, formula, or a column for each."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import torch

from designlib.candidates import Provenance, build_table, design_id
from designlib.config.recipes import RecipeConfig
from designlib.candidates.events import event_bytes, read_event
from designlib.candidates.results import merge_results, parse_results
from designlib.candidates.recipes import component_columns, recipe_sheet, variable_units
from designlib.candidates.ledger import Ledger
from designlib.notation.variables import Choice, Quantity
from designlib.spaces import MixedSpace, SimplexSpace, describe_space
from designlib.types import InputError

ALLOY = SimplexSpace(("Fe", "Ni", "Co"), 10)
MIXED = MixedSpace(
    ALLOY,
    (Quantity(name="temperature", unit="°C", low=20, high=80, step=20),
     Quantity(name="time", unit="h", low=0.5, high=12)),
    (Choice(name="gas", options=("Ar", "air")),),
)  # fmt: skip
TEXTS: dict[Any, list[str]] = {
    ALLOY: ["Fe=0.5, Ni=0.5", "Fe=0.3, Co=0.7", "Ni=1"],
    MIXED: [
        "Fe=0.5, Ni=0.5, time=2.5, temperature=40, gas=Ar",
        "Fe=0.3, Co=0.7, time=12, temperature=80, gas=air",
    ],
}


def proposed(space: Any) -> Ledger:
    texts = TEXTS[space]
    frame = pd.DataFrame({
        "design": texts, "rank": range(1, len(texts) + 1), "predicted_mean": 1.0,
        "predicted_std": 0.1, "acquisition": 1.0, "nearest_measured": texts[0],
        "distance_to_measured": 1, "cluster": 1,
        **component_columns(space, space.encode(texts)),
    })  # fmt: skip
    provenance = Provenance(
        "c", 1, 0, "p", "d", "c", "k", "hardness", "GPa", True, "steps", variable_units(space)
    )
    about = {
        **describe_space(space), "both_strands": False, "value_name": "hardness", "units": "GPa",
        "maximise": True, "simulated": False, "round_key": "k", "bounds": [None, None],
    }  # fmt: skip
    table = build_table(frame, space, provenance)
    return Ledger((read_event(event_bytes("proposed", 1, about, table), 1, "entry"),))


def found(space: Any, text: str) -> dict[str, float]:
    record = proposed(space)
    rows = merge_results(
        record, parse_results(text.encode(), "r.csv", record), "r.csv", corrections=False
    ).rows
    known = dict(zip(TEXTS[space], (design_id(t, space) for t in TEXTS[space]), strict=True))
    assert [known.get(d, i) for d, i in zip(rows["design"], rows["candidate_id"], strict=True)] == (
        rows["candidate_id"].tolist()
    )  # fmt: skip
    return dict(zip(rows["design"], rows["value"], strict=True))


@pytest.mark.parametrize(
    "text",
    [
        f"candidate_id,hardness\n{design_id('Fe=0.5, Ni=0.5', ALLOY)},2.5\n",
        'design,value\n"Ni=0.5, Fe=0.5",2.5\n',
        "formula,value\nFeNi,2.5\n",
        "formula,hardness\nNi2Fe2.002,2.5\n",
        "Fe,Ni,Co,hardness\n0.5,0.5,0,2.5\n",
        "Co,Ni,Fe,value\n0,50,50,2.5\n",
        "component_Fe,component_Ni,component_Co,value\n50,50,0,2.5\n",
    ],
)
def test_a_row_finds_its_composition(text: str) -> None:
    assert found(ALLOY, text) == {"Fe=0.5, Ni=0.5": 2.5}


@pytest.mark.parametrize(
    "text",
    [
        f"candidate_id,hardness\n{design_id(TEXTS[MIXED][0], MIXED)},2.5\n",
        f'design,value\n"{TEXTS[MIXED][0]}",2.5\n',
        "Fe,Ni,Co,temperature,time,gas,value\n50,50,0,40,2.5,Ar,2.5\n",
        "Fe,Ni,Co,temperature (°C),time [h],gas,value\n0.5,0.5,0,41,2.5,Ar,2.5\n",
        "component_Fe,component_Ni,component_Co,quantity_temperature,quantity_time,choice_gas,"
        "value\n50,50,0,40,2.5,Ar,2.5\n",
    ],
)
def test_a_row_finds_its_composition_and_variables(text: str) -> None:
    assert found(MIXED, text) == {TEXTS[MIXED][0]: 2.5}


def test_the_recipe_sheet_comes_back_with_a_column_of_values() -> None:
    sheet = recipe_sheet(TEXTS[MIXED], MIXED, RecipeConfig()).assign(hardness=[1.0, 2.0])
    assert found(MIXED, sheet.to_csv(index=False)) == dict(
        zip(TEXTS[MIXED], [1.0, 2.0], strict=True)
    )


def test_what_nobody_proposed_and_replicates_are_taken() -> None:
    rows = "Fe,Ni,Co,value\n0.2,0.2,0.6,1\n0.2,0.2,0.6,3\n"
    record = proposed(ALLOY)
    parsed = parse_results(rows.encode(), "r.csv", record)
    merged = merge_results(record, parsed, "r.csv", corrections=False)
    assert merged.unproposed == 2
    assert merged.rows["replicate"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("space", "text", "message"),
    [
        (ALLOY, "formula,value\nFeCu,1\n", r"row 2, column 'formula': 'FeCu' has Cu in it"),
        (ALLOY, "formula,value\nFe2+,1\n", "row 2, column 'formula'.*charge"),
        (ALLOY, "formula,value\nXx2,1\n", "row 2, column 'formula'"),
        (ALLOY, "Fe,Ni,Co,value\n0.5,0.4,0,1\n", r"column 'Fe to Co': the amounts sum to 0\.9"),
        (ALLOY, "Fe,Ni,Co,value\n0.5,0.6,-0.1,1\n", r"row 2, column 'Co': '-0\.1' is negative"),
        (ALLOY, "Fe,Ni,value\n0.5,0.5,1\n", "no column says which candidate|which column holds"),
        (ALLOY, 'design,value\n"Fe=0.55, Ni=0.45",1\n', "not on the grid"),
        (MIXED, "Fe,Ni,Co,temperature,time,gas,value\n50,50,0,90,1,Ar,1\n",
         "row 2, column 'temperature': '90' is out of the limits of temperature; 20 to 80 °C"),
        (MIXED, "Fe,Ni,Co,temperature (K),time,gas,value\n50,50,0,40,1,Ar,1\n",
         r"column 'temperature \(K\)': its values are in K, and °C is declared"),
        (MIXED, "formula,value\nFeNi,1\n", "row 2, column 'formula'"),
        (MIXED, 'design,value\n"Fe=1, time=1, gas=Ar",1\n', "says nothing of temperature"),
    ],
)  # fmt: skip
def test_one_clear_error_for_each_bad_row(space: Any, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        found(space, text)


def test_a_table_that_needs_no_help_is_left_alone() -> None:
    designs = MIXED.encode(TEXTS[MIXED])
    assert torch.equal(MIXED.encode(MIXED.decode(designs)), designs)
    both = "candidate_id,Fe,Ni,Co,hardness\n{},1,1,1,4\n".format(design_id("Ni=1", ALLOY))
    assert found(ALLOY, both) == {"Ni=1": 4.0}
