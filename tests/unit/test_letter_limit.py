"""When too many of the last records are dead letters, by the order of the log alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import DeadLetter, Headers, RejectReason, redriven
from streams.errors import DeadLettersError
from streams.partition.limit import BLOCKS, LetterLimit
from streams.settings_groups import Dlq


def letter(offset: int, headers: Headers | None = None) -> DeadLetter:
    message = "$.amount is 'c-81'; accepted: a number"
    return DeadLetter(offset, b"c-81", b"{}", headers or [], RejectReason.WRONG_TYPE, message)


def feed(limit: LetterLimit, bad: list[bool], first: int = 0, step: int = 1) -> int | None:
    """Take records one by one; the offset at which it stopped."""
    for i, refused in enumerate(bad):
        offset = first + step * i
        try:
            limit.take(np.array([offset]), [letter(offset)] if refused else [])
        except DeadLettersError:
            return offset
    return None


def test_a_wrong_schema_stops_at_the_first_letter_above_the_limit() -> None:
    assert feed(LetterLimit(Dlq(), "purchases", 0), [True] * 2000) == 500
    assert feed(LetterLimit(Dlq(limit=0.1, window=100), "purchases", 0), [True] * 2000) == 10


def test_gaps_between_offsets_are_no_records() -> None:
    assert feed(LetterLimit(Dlq(), "purchases", 0), [True] * 2000, step=5) == 2500


def test_as_many_good_ones_between_them_go_on_for_ever() -> None:
    assert feed(LetterLimit(Dlq(), "purchases", 0), [True, False] * 3000) is None
    assert feed(LetterLimit(Dlq(), "purchases", 0), ([True] * 500 + [False] * 501) * 3) is None


def test_what_goes_wrong_after_a_long_good_time_stops_too() -> None:
    limit = LetterLimit(Dlq(), "purchases", 0)
    assert feed(limit, [False] * 12_345) is None
    assert limit.share == 0
    assert feed(limit, [True] * 2000, first=12_345) == 12_345 + 500


def test_zero_never_stops_and_still_counts() -> None:
    limit = LetterLimit(Dlq(limit=0), "purchases", 0)
    assert feed(limit, [True] * 5000) is None
    assert limit.share >= 1 - 1 / BLOCKS


def test_the_error_says_what_where_and_how_to_go_on_and_nothing_of_a_customer() -> None:
    limit = LetterLimit(Dlq(limit=0.5, window=10), "purchases", 3)
    with pytest.raises(DeadLettersError) as caught:
        limit.take(np.arange(7, 13), [letter(offset) for offset in range(7, 13)])
    text = str(caught.value)
    assert text.startswith("purchases[3]: 6 of the last 10 records are dead letters")
    assert "wrong_type at $.amount (6, one at offset 12)" in text
    assert "OFFBEAT_DLQ_LIMIT=0" in text
    assert "c-81" not in text


def test_letters_that_were_sent_again_stop_nobody() -> None:
    limit = LetterLimit(Dlq(), "purchases", 0)
    again = redriven([], "purchases.dlq", 0, 1)
    offsets = np.arange(5000)
    limit.take(offsets, [letter(int(offset), again) for offset in offsets])
    assert limit.share == 0


@given(
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=30),
    st.lists(st.integers(1, 30), min_size=1),
    st.lists(st.integers(0, 600), max_size=4),
)
def test_fetches_and_restarts_do_not_move_the_record_at_which_it_stops(
    runs: list[tuple[int, bool]], sizes: list[int], restarts: list[int]
) -> None:
    bad = [refused for length, refused in runs for _ in range(length)]
    dlq = Dlq(limit=0.5, window=60)
    expected = feed(LetterLimit(dlq, "purchases", 0), bad)
    limit, at, found, turn = LetterLimit(dlq, "purchases", 0), 0, None, 0
    while at < len(bad) and found is None:
        end = min(at + sizes[turn % len(sizes)], len(bad))
        turn += 1
        offsets = np.arange(at, end)
        letters = [letter(i) for i in range(at, end) if bad[i]]
        try:
            limit.take(offsets, letters)
        except DeadLettersError:
            found = end
        if restarts and restarts[0] < end and found is None:
            # back to a position within what was read: all behind it is read again
            at = max(restarts.pop(0), at)
            limit = LetterLimit(dlq, "purchases", 0, limit.state(at))
        else:
            at = end
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found - sizes[(turn - 1) % len(sizes)] <= expected < found
