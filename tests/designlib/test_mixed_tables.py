"""Tables and constraints of mixed designs: what is read, and what is refused."""

import math

import pytest

from designlib.config.constraints import CompositionConstraints, ConstraintConfig
from designlib.config.tables import CompositionReading
from designlib.constraints import build
from designlib.notation.variables import Choice, Quantity
from designlib.types import InputError
from tests.designlib.test_mixed_campaign import (
    ALLOY,
    HEAT,
    MIXED,
    SETTINGS,
    TIME,
    csv,
    parse,
    parsed,
)


def test_units_and_options_can_come_from_the_table():
    frame = csv(MIXED)
    asked = CompositionReading(
        components=ALLOY.components,
        amounts="percent",
        step=5,
        quantities=(HEAT.model_copy(update={"unit": ""}), TIME),
        choices=(Choice(name="gas"),),
    )
    table = parsed(frame, asked)
    assert table.space == MIXED
    assert table.guesses["temperature"] == "in °C, by the name of its column"
    assert table.guesses["gas"] == "one of Ar, N2, air, which occur"


def test_what_is_measured_between_steps_is_rounded_and_told():
    frame = csv(MIXED)
    frame.loc[0, "temperature (°C)"] = 212.0
    table = parse(MIXED, frame)
    assert table.guesses["temperature, rounded"] == "by at most 12 °C"


def broken(column, row, cell):
    frame = csv(MIXED).astype(object)
    frame.loc[row, column] = cell
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            broken("temperature (°C)", 3, 650),
            r"t.csv, row 5, column 'temperature \(°C\)': '650' is out of the limits of "
            "temperature; 200 to 600 °C is accepted",
        ),
        (broken("time", 0, "2 h"), r"row 2, column 'time': '2 h' is not a number; .*\(in h, "),
        (
            broken("gas", 7, "O2"),
            "row 9, column 'gas': 'O2' is no option of gas; accepted are Ar, N2, air",
        ),
        (broken("gas", 7, ""), "row 9, column 'gas': the cell is empty"),
        (csv(MIXED).rename(columns={"time": "hours"}), "t.csv: there is no column 'time'"),
        (
            csv(MIXED).rename(columns={"temperature (°C)": "temperature [K]"}),
            r"column 'temperature \[K\]': its values are in K, and °C is declared for temperature",
        ),
        (csv(MIXED).head(20), "20 distinct designs in 20 rows; at least 50"),
    ],
)
def test_one_clear_error_for_each_bad_table(frame, message):
    with pytest.raises(InputError, match=message):
        parse(MIXED, frame)


def test_options_without_a_list_have_to_be_writable_and_to_differ():
    frame = csv(SETTINGS).assign(gas="Ar")
    asked = {"quantities": (HEAT, TIME), "choices": (Choice(name="gas"),)}
    with pytest.raises(InputError, match="column 'gas': only Ar occurs"):
        parsed(frame, CompositionReading(**asked))
    frame.loc[1, "gas"] = "Ar; 5 % H2"
    with pytest.raises(InputError, match=r"row 3, column 'gas': .* has one of = , ; in it"):
        parsed(frame, CompositionReading(**asked))
    twice = CompositionReading(quantities=(HEAT, HEAT))
    with pytest.raises(InputError, match="two variables are called 'temperature'"):
        parsed(csv(SETTINGS), twice)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low": 5, "high": 5}, "limits 5 and 5; the first must be smaller"),
        ({"low": 0, "high": 10, "step": 3}, "steps of 3 do not lead from 0 to 10"),
        ({"low": 0, "high": 10, "step": 0.001}, "10,001 values in steps of 0.001; 2 to 1,000"),
        ({"low": 0, "high": 10, "step": 20}, "steps of 20 do not lead"),
        ({"low": 0, "high": math.inf}, "limits 0 and inf|finite|less than"),
        ({"name": "a=b", "low": 0, "high": 1}, "pattern"),
    ],
)
def test_a_quantity_that_cannot_be_set_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Quantity(**{"name": "T", **settings})


def test_values_are_written_as_finely_as_they_can_be_set():
    assert TIME.rounded(3.14159) == 3.14
    assert Quantity(name="x", low=0, high=3e6).rounded(1234567.0) == 1235000
    assert HEAT.rounded(424.9) == 400
    assert TIME.rounded(12.0001) == 12


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"quantity_ranges": [{"quantity": "heat", "low": 1}]},
            "quantity_ranges: there is no quantity 'heat'; known are temperature, time",
        ),
        (
            {"quantity_ranges": [{"quantity": "time", "low": 8, "high": 2}]},
            "quantity_ranges: time has no value from 8 to 2",
        ),
        (
            {"quantity_ranges": [{"quantity": "temperature", "low": 210, "high": 240}]},
            "quantity_ranges: no value of temperature is left",
        ),
        (
            {"allowed_options": [{"choice": "solvent", "options": ["Ar"]}]},
            "allowed_options: there is no choice 'solvent'; known are gas",
        ),
        (
            {"allowed_options": [{"choice": "gas", "options": ["O2"]}]},
            "allowed_options: 'O2' is no option of gas; known are Ar, N2, air",
        ),
        ({"component_ranges": [{"components": ["Cu"], "high": 5}]}, "no component 'Cu'"),
    ],
)
def test_constraints_that_do_not_fit_are_refused(rules, message):
    with pytest.raises(InputError, match=message):
        build(CompositionConstraints.model_validate(rules), MIXED)


def test_constraints_have_to_fit_the_kind_of_design():
    ranged = CompositionConstraints.model_validate({"quantity_ranges": [{"quantity": "time"}]})
    with pytest.raises(InputError, match="no variables beside their composition"):
        build(ranged, ALLOY)
    with pytest.raises(InputError, match="most_components: the designs have no composition"):
        build(CompositionConstraints(most_components=2), SETTINGS)
    with pytest.raises(InputError, match="those for sequences are given"):
        build(ConstraintConfig(max_homopolymer=3), SETTINGS)
