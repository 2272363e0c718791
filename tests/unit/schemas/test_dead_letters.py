"""What is written to a dead-letter topic."""

import schemas.rejections
from schemas.dead_letters import (
    CUT,
    EXCEPTION,
    HEADER_NAMES,
    MAX_MESSAGE_BYTES,
    MESSAGE,
    OFFSET,
    PARTITION,
    REASON,
    REDRIVEN_FROM,
    TOPIC,
    DeadLetter,
    DeadLetterRecord,
    Headers,
    RejectReason,
    dead_letter_record,
    marked_offsets,
    redrive_mark,
    redriven,
    was_redriven,
)


def _letter(
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    headers: Headers | None = None,
    message: str = "$.amount is missing; accepted: a number",
) -> DeadLetter:
    return DeadLetter(7, key, value, headers or [], RejectReason.MISSING_FIELD, message)


def _size(record: DeadLetterRecord) -> int:
    headers = sum(len(name) + len(value or b"") + 10 for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def test_a_dead_letter_is_the_record_as_it_was_with_why_and_where_from() -> None:
    headers: Headers = [("trace", b"\x00\x01"), ("trace", None)]
    record = dead_letter_record(_letter(b"\xff", b"\x00", headers), "purchases", 3)
    assert (record.key, record.value, record.headers[:2]) == (b"\xff", b"\x00", headers)
    assert dict(record.headers[2:]) == {
        EXCEPTION: b"schemas.rejections.Rejected",
        MESSAGE: b"$.amount is missing; accepted: a number",
        TOPIC: b"purchases",
        PARTITION: b"3",
        OFFSET: b"7",
        REASON: b"missing_field",
    }


def test_the_exception_named_is_the_one_that_is_raised() -> None:
    raised = schemas.rejections.Rejected
    named = dict(dead_letter_record(_letter(), "t", 0).headers)[EXCEPTION]
    assert named == f"{raised.__module__}.{raised.__qualname__}".encode()


def test_nulls_stay_nulls() -> None:
    record = dead_letter_record(_letter(None, None), "t", 0)
    assert (record.key, record.value) == (None, None)


def test_a_dead_letter_sent_again_is_marked_anew_and_not_twice() -> None:
    once = dead_letter_record(_letter(headers=[("trace", b"1")]), "purchases", 0)
    again = dead_letter_record(_letter(headers=once.headers), "visits", 1)
    assert len(again.headers) == len(once.headers)
    assert dict(again.headers)[TOPIC] == b"visits"


def test_a_record_too_large_for_the_topic_is_cut_and_says_so() -> None:
    headers: Headers = [("h", b"x" * 300_000)]
    letter = _letter(b"k" * 70_000, b"v" * 5_000_000, headers, message="m" * 100_000)
    record = dead_letter_record(letter, "t" * 249, 2**31 - 1)
    assert _size(record) + 1_000 < MAX_MESSAGE_BYTES
    assert dict(record.headers)[CUT] == b"key 70000, value 5000000, headers 300011"


def test_whatever_a_broker_takes_by_default_is_kept_whole() -> None:
    letter = _letter(b"k" * 65_536, b"v" * 1_048_588, [("h", b"x" * 262_133)])
    record = dead_letter_record(letter, "t", 0)
    assert CUT not in dict(record.headers)
    assert _size(record) + 1_000 < MAX_MESSAGE_BYTES


def test_every_reason_and_every_header_says_what_it_means() -> None:
    assert all(reason.meaning for reason in RejectReason)
    assert all(HEADER_NAMES.values())


def test_what_is_sent_again_tells_where_it_lay_and_not_why() -> None:
    kept = dead_letter_record(_letter(headers=[("trace", b"1")]), "purchases", 3)
    again = redriven(kept.headers, "purchases.dlq", 3, 0)
    assert again == [("trace", b"1"), (REDRIVEN_FROM, b"purchases.dlq/3/0")]
    assert was_redriven(again)
    assert not was_redriven(kept.headers)
    refused_again = dead_letter_record(_letter(headers=again), "purchases", 3)
    assert refused_again.headers[:2] == again
    history = [b"purchases.dlq/3/0", b"purchases.dlq/3/9"]
    twice = redriven(refused_again.headers, "purchases.dlq", 3, 9)
    assert [value for name, value in twice if name == REDRIVEN_FROM] == history


def test_the_history_of_a_hopeless_record_stays_short() -> None:
    headers: Headers = []
    for offset in range(50):
        headers = redriven(headers, "t.dlq", 0, offset)
    assert [value for _, value in headers] == [b"t.dlq/0/%d" % n for n in range(40, 50)]


def test_a_mark_says_which_offsets_were_sent_again_and_other_records_are_none() -> None:
    for offsets in ([0], [7, 3, 4, 5], list(range(1000)), list(range(0, 999, 2))):
        mark = redrive_mark(offsets)
        assert marked_offsets(mark.headers) == set(offsets)
        assert (mark.key, mark.value) == (None, None)
    assert marked_offsets(dead_letter_record(_letter(), "t", 0).headers) is None
