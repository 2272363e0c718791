"""Learning examples on the wire."""

import json
import math

import msgspec
import pytest

from schemas import examples

TIMES = [1772431200.0, 1772431200.5, 1772431200.000001, 1772431200.1234567]
WRITTEN = [
    "2026-03-02T06:00:00Z",
    "2026-03-02T06:00:00.500000Z",
    "2026-03-02T06:00:00.000001Z",
    "2026-03-02T06:00:00.123457Z",
]


def test_each_record_says_its_own_row_of_the_columns() -> None:
    later = [time + 86_400.0 for time in TIMES]
    columns = {"silence": [0.5, 1e-7, -3.0, 2.0], "tenure": [1.0, 2.0, 3.0, 4.0]}
    values = examples.encode_all(TIMES, later, [0, 1, 1, 0], columns, [0.25, -1.0, 0.0, 9.5])
    assert [json.loads(value) for value in values] == [
        {
            "schema": "offbeat.example.v1",
            "snapshot_time": time,
            "label_time": time.replace("03-02", "03-03"),
            "outcome": outcome,
            "features": {"silence": silence, "tenure": tenure},
            "static_logit": static,
        }
        for time, outcome, silence, tenure, static in zip(
            WRITTEN, [0, 1, 1, 0], *columns.values(), [0.25, -1.0, 0.0, 9.5], strict=True
        )
    ]
    assert values[1] == examples.encode(
        (TIMES[1], later[1]), 1, {name: column[1] for name, column in columns.items()}, -1.0
    )


def test_what_was_written_is_read_back() -> None:
    value = examples.encode((TIMES[1], TIMES[1] + 60.0), 1, {"b": 0.1, "a": 1 / 3}, 2 / 3)
    read = examples.decode(value)
    assert (list(read.features.items()), read.static_logit) == ([("b", 0.1), ("a", 1 / 3)], 2 / 3)
    assert (read.snapshot_time.timestamp(), read.label_time.timestamp()) == (
        TIMES[1],
        TIMES[1] + 60.0,
    )


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        examples.encode_all(TIMES, TIMES, [0, 1], {"a": [1.0] * 4}, [0.0] * 4)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_no_example(number: float) -> None:
    value = examples.encode((TIMES[0], TIMES[1]), 1, {"a": number}, 0.0)
    with pytest.raises(msgspec.ValidationError, match="null"):
        examples.decode(value)
