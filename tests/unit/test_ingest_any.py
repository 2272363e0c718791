"""Whatever is fetched: a record is one observation or one dead letter, as if it were alone."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.observations import OBSERVATION, Input
from schemas.dead_letters import Headers
from schemas.decode import read
from schemas.rejections import Rejected
from streams.partition.fields import observe
from tests.functional.records import FIRST, LATEST, PURCHASE, Record, read_all

IDS = st.text(max_size=6) | st.sampled_from(["c-81", "a b", "x" * 128, "x" * 129, "\u202e", ""])
NUMBERS = st.floats() | st.integers() | st.sampled_from([1e308, 10**400, -0.0, 3660, 3661])
WEIRD = st.one_of(
    IDS,
    NUMBERS,
    st.none(),
    st.booleans(),
    st.just([]),
    st.sampled_from(
        [
            *("order", "paid", "nps", "login", "high", "EUR", "eur", "1e3"),
            *("2026-02-30T00:00:00Z", "2026-02-09T17:41:05.25+01:00"),
            *("1999-12-31T23:30:00-01:00", "2999-01-01T00:00:00Z"),
        ]
    ),
    st.integers(946_684_799_000, 1_800_000_001_000),
)
REQUIRED: dict[Input, dict[str, Any]] = {
    Input.PURCHASES: PURCHASE,
    Input.VISITS: {"kind": "attended", "rescheduled": True},
    Input.PAYMENTS: {"status": "late", "due_time": "2026-02-09T17:41:05Z", "currency": "EUR"},
    Input.SUPPORT: {"kind": "nps", "score": 3, "severity": "low"},
}
SAID = ("event_time", "amount", "value", "extra", "currency", "kind")
FIELDS = sorted({field for fields in REQUIRED.values() for field in fields} | {"ticket_id"})


@st.composite
def _mutated(draw: st.DrawFn, source: Input) -> Record:
    common = {key: PURCHASE[key] for key in ("event_id", "customer_id", "event_time")}
    event = (
        common
        | REQUIRED[source]
        | draw(st.dictionaries(st.sampled_from(FIELDS), WEIRD, max_size=2))
    )
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=1)):
        event.pop(field, None)
    value = json.dumps(event, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        data = {key: event[key] for key in event if key != "event_id"}
        value = json.dumps({"specversion": "1.0", "id": "i", "data": data}).encode()
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(value)))
        value = value[:cut] + draw(st.binary(max_size=2)) + value[cut + draw(st.integers(0, 2)) :]
    key = str(event.get("customer_id", "")).encode(errors="surrogatepass")
    headers: Headers = draw(
        st.lists(st.tuples(st.sampled_from(["ce_id", "ce_time"]), st.binary()), max_size=1)
    )
    return Record(draw(st.sampled_from([key] * 9 + [None])), value, headers)


RANDOM = st.builds(Record, st.none() | st.binary(), st.none() | st.binary())


@st.composite
def _fetches(draw: st.DrawFn) -> tuple[Input, list[Record]]:
    source = draw(st.sampled_from(Input))
    return source, draw(
        st.lists(_mutated(source) | _mutated(source) | _mutated(source) | RANDOM, max_size=8)
    )


@given(_fetches(), st.sampled_from([LATEST, None]))
def test_every_record_is_one_observation_or_one_dead_letter_as_judged_alone(
    given_fetch: tuple[Input, list[Record]], latest: float | None
) -> None:
    source, records = given_fetch
    got, state = read_all(records, source, latest)
    letters = {letter.offset: letter for letter in got.dead_letters}
    observations = dict(zip(got.offsets.tolist(), got.observations, strict=True))
    assert list(letters) == sorted(letters)
    assert list(observations) == sorted(observations)
    assert len(letters) + len(observations) == len(records)
    for i, one in enumerate(records):
        offset = FIRST + 2 * i
        try:
            event = read(source.name.lower(), *one, latest)
        except Rejected as error:
            assert letters[offset] == (offset, *one, error.reason, str(error))  # noqa: PT017 (either way is right)
        else:
            seen = observations[offset]
            expected = np.zeros(1, OBSERVATION)[0]
            observe(source, event, expected)
            for column in SAID:
                np.testing.assert_equal(seen[column], expected[column], column)
            assert bytes(got.ids[seen["id_start"] : seen["id_end"]]) == event.event_id.encode()
            assert state.customer_id(int(seen["row"])) == event.customer_id.encode()
