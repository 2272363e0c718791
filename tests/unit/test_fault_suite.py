"""The fault suite's own eyes: a difference between two runs is seen, and called by its name."""

from collections import Counter
from copy import deepcopy
from typing import Any

import orjson
import pytest

from benchmarks.faults import stream
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.outcome import Outcome, Verdict, compare

CLEAN = Verdict(lost=0, twice=0, wrong_ids=0, false_silences=0, state_differs=0)


def alert(status: str, *codes: str) -> bytes:
    return orjson.dumps({"status": status, "reasons": [{"code": code} for code in codes]})


def record(applied: int) -> dict[str, Any]:
    return {"watermark": 5.0, "population": {"applied": [applied, 0, 0, 0], "duplicates": [2.0]}}


@pytest.fixture
def truth() -> Outcome:
    outcome = Outcome()
    outcome.alerts["a"] = [(1, alert("opened", "purchase_silence")), (2, alert("resolved"))]
    outcome.uncommitted = {("a", 1), ("a", 2)}
    outcome.latest = {("state-changelog", 0, b"c-1"): b"row", ("at-risk", 0, b"c-1"): b"open"}
    outcome.partitions = {0: record(7)}
    outcome.examples = Counter({(b"c-1", b"{}"): 1})
    outcome.letters = Counter({("purchases.dlq", 0, b"12", "malformed_json"): 1})
    return outcome


@pytest.fixture
def found(truth: Outcome) -> Outcome:
    return deepcopy(truth)


def test_the_same_is_clean(truth: Outcome, found: Outcome) -> None:
    assert compare(truth, found) == CLEAN
    assert CLEAN.clean


def test_what_is_missing_is_lost(truth: Outcome, found: Outcome) -> None:
    found.alerts["a"].pop()
    found.examples.clear()
    assert compare(truth, found).lost == 2
    found.letters.clear()  # one less, and an event that is not counted any more
    assert compare(truth, found).lost == 4


def test_an_event_that_is_counted_once_too_often_or_not_at_all_is_seen(
    truth: Outcome, found: Outcome
) -> None:
    found.partitions = {0: record(8)}
    assert (compare(truth, found).twice, compare(truth, found).lost) == (1, 0)
    found.partitions = {0: record(4)}
    assert (compare(truth, found).twice, compare(truth, found).lost) == (0, 3)
    found.partitions = {}
    assert compare(truth, found).lost == 9


def test_what_is_there_twice_is_twice(truth: Outcome, found: Outcome) -> None:
    found.alerts["a"].append(found.alerts["a"][1])
    found.letters["purchases.dlq", 0, b"12", "malformed_json"] += 1
    assert compare(truth, found).twice == 3  # the letter counts as an event, too
    assert compare(truth, found).wrong_ids == 0


def test_an_alert_that_nobody_should_see_has_a_wrong_id(truth: Outcome, found: Outcome) -> None:
    found.alerts["b"] = [(1, alert("opened", "purchase_silence"))]
    verdict = compare(truth, found)
    assert (verdict.wrong_ids, verdict.false_silences, verdict.twice) == (1, 1, 0)


def test_the_same_id_with_other_content_is_lost_and_wrong(truth: Outcome, found: Outcome) -> None:
    found.alerts["a"][1] = (2, alert("expired"))
    verdict = compare(truth, found)
    assert (verdict.lost, verdict.wrong_ids, verdict.false_silences) == (1, 1, 0)


def test_sequences_in_another_order_are_wrong(truth: Outcome, found: Outcome) -> None:
    found.alerts["a"].reverse()
    assert compare(truth, found).wrong_ids == 1


def test_uncommitted_alerts_may_only_be_those_of_the_undisturbed_run(
    truth: Outcome, found: Outcome
) -> None:
    found.uncommitted = {("a", 1), ("a", 3)}
    assert compare(truth, found).wrong_ids == 1


def test_every_key_of_the_state_is_compared(truth: Outcome, found: Outcome) -> None:
    found.latest = {("state-changelog", 0, b"c-1"): b"other", ("at-risk", 0, b"c-2"): b"open"}
    found.partitions[0]["watermark"] = 6.0
    assert compare(truth, found).state_differs == 4


def test_the_stream_is_the_same_for_a_seed_and_has_all_that_goes_wrong() -> None:
    one, again, other = stream.make(20, 3), stream.make(20, 3), stream.make(20, 4)
    assert [log.values for log in one.lines] == [log.values for log in again.lines]
    assert [log.values for log in one.lines] != [log.values for log in other.lines]
    purchases = one.lines[0]
    assert len(set(purchases.values)) < len(purchases.values)
    assert (purchases.times[1:] < purchases.times[:-1]).any()
    assert one.twice > 0
    assert one.late > 0
    assert one.broken > 0


def test_the_full_suite_is_a_hundred_disturbed_runs_and_the_quick_one_strikes_every_point() -> None:
    disturbed = [fault for fault in FAULTS if not fault.name.startswith("undisturbed")]
    assert sum(fault.runs for fault in disturbed) >= 100
    assert all(fault.quick for fault in disturbed if fault.name.startswith("killed"))
