"""A partition's life without Kafka: order, checkpoints, recovery, and what is refused.

One file: what is done to a life, and what is asked of it, is the same throughout.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.clock.value import Clock
from detectors.judgement.episodes import Status
from detectors.observations import Input
from detectors.profile import Profile
from schemas.changelog import decode_partition
from schemas.samples import decode_sample
from streams.errors import DeadLettersError, GapError, StateError
from streams.partition.ingest import Home
from streams.partition.life import IDLE_RECORD_SECONDS, PartitionLife, Snapshot
from streams.settings_groups import Dlq
from tests.functional.fetching import DAY, START, fetch, purchase, record_fetch, reread, visit

NAMES = ("purchases", "visits", "payments", "support")


LEARNING = replace(Profile(), clock=Clock(learns=True))


def new_life(
    positions: dict[str, int] | None = None, profile: Profile | None = None, sampled: int = 0
) -> PartitionLife:
    starts = {
        source: ((positions or {}).get(NAMES[source], 0), positions is not None) for source in Input
    }
    return PartitionLife(0, profile or Profile(), NAMES, starts, sampled)


def begun(profile: Profile | None = None) -> PartitionLife:
    life = new_life(profile=profile)
    life.finish_recovery()
    return life


def recovered(snapshots: list[Snapshot], profile: Profile | None = None) -> PartitionLife:
    """A life that goes on from what these checkpoints wrote."""
    record = decode_partition(snapshots[-1].record)
    life = new_life(record.positions, profile)
    for snapshot in snapshots:
        for fetched in [*reread(snapshot.rows), record_fetch(snapshot.record)]:
            life.restore(fetched)
    life.finish_recovery()
    return life


def drain(life: PartitionLife) -> Snapshot:
    """Everything read is applied and saved, as when all inputs are at their ends."""
    life.tick(list(Input), None)
    snapshot = life.snapshot(0)
    assert snapshot is not None
    return snapshot


def weekly(customer: str, days: int = 10) -> list[dict[str, object]]:
    return [purchase(customer, i, 7.0 * i + 0.1 * (i % 3)) for i in range(days)]


def test_positions_pass_only_what_was_applied() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1", 3)), None)
    life.take(Input.VISITS, fetch([visit("c-1", 0, 8.0)]), None)
    life.tick([Input.PAYMENTS, Input.SUPPORT], None)
    snapshot = life.snapshot(0)
    assert snapshot is not None
    assert snapshot.positions[Input.PURCHASES] == 2
    assert snapshot.positions[Input.VISITS] == 0
    assert life.position(Input.PURCHASES) == 3


def test_a_dead_letter_waits_until_its_position_is_committed() -> None:
    life = begun()
    taken = life.take(Input.PURCHASES, fetch([*weekly("c-1", 2), b"nonsense"]), None)
    assert [letter.offset for letter in taken.dead_letters] == [2]
    life.tick([Input.VISITS, Input.PAYMENTS], None)
    assert life.snapshot(0) is None
    snapshot = drain(life)
    assert [letter.value for letter in snapshot.dead_letters[Input.PURCHASES]] == [b"nonsense"]
    assert snapshot.positions[Input.PURCHASES] == 3


def test_a_gap_is_never_skipped_and_what_was_taken_is_dropped() -> None:
    life = begun()
    events = weekly("c-1", 4)
    life.take(Input.PURCHASES, fetch(events[:2]), None)
    with pytest.raises(GapError, match=r"purchases\[0\].*next offset to read is 2"):
        life.take(Input.PURCHASES, fetch(events[3:], 3), None)
    for again in (events[:2], events, events[:3]):
        life.take(Input.PURCHASES, fetch(again), None)
    assert life.position(Input.PURCHASES) == 4
    drain(life)
    assert life.state.population["applied"][0].tolist() == [4, 0, 0, 0]
    assert life.state.population["duplicates"][0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("profile", [Profile(), LEARNING], ids=["flat", "learning"])
def test_going_on_from_a_checkpoint_gives_the_same_state_and_decisions(profile: Profile) -> None:
    purchases = weekly("c-1") + weekly("c-2")
    purchases.sort(key=lambda event: int(str(event["event_time"])))
    late = [purchase("c-2", 99, 200.0)]
    whole, first = begun(profile), begun(profile)
    saved = []
    for life in (whole, first):
        life.take(Input.PURCHASES, fetch(purchases), None)
        saved.append(drain(life))
    second = recovered(saved[1:], profile)
    assert second.state.size == 2
    for life in (whole, second):
        life.take(Input.PURCHASES, fetch(late, len(purchases)), None)
    one, two = drain(whole), drain(second)
    for name in ("time", "anchor", "status", "sequence", "risk"):
        assert [d.records[name].tolist() for d in one.decisions] == [
            d.records[name].tolist() for d in two.decisions
        ]
    rows = whole.state.rows[: whole.state.size]
    again = [second.state.rows[second.state.find(whole.state.customer_id(i))] for i in range(2)]
    assert [row.tobytes() for row in rows] == [row.tobytes() for row in again]
    assert whole.state.population.tobytes() == second.state.population.tobytes()
    assert bool(whole.state.population["clock_counts"].any()) == profile.clock.learns
    assert second.state.profile_in_effect == whole.state.profile_in_effect


def test_silence_is_decided_at_its_deadline_while_nothing_arrives() -> None:
    life = begun()
    earlier = [purchase("c-2", i, 7.0 * i + 0.1 * (i % 3) - 30.0 / DAY) for i in range(10)]
    events = [one for pair in zip(earlier, weekly("c-1"), strict=True) for one in pair]
    life.take(Input.PURCHASES, fetch(events), None)
    end = START + 63.0 * DAY
    life.tick(list(Input), end + DAY)
    assert [d for s in [life.snapshot(0)] if s for d in s.decisions] == []
    for customer in (b"c-2", b"c-1"):  # half a minute apart, in one block of rows
        deadline = float(life.state.rows[life.state.find(customer)]["purchase_deadline"])
        life.tick(list(Input), deadline + 59)
        made = [d for s in [life.snapshot(0)] if s for d in s.decisions]  # examples may be
        assert [row for decisions in made for row in decisions.records["row"]] == []
        life.tick(list(Input), deadline + 61)
        snapshot = life.snapshot(0)
        assert snapshot is not None
        (decisions,) = snapshot.decisions
        assert decisions.records["row"].tolist() == [life.state.find(customer)]
        assert decisions.records["status"].tolist() == [Status.OPENED]
        assert decisions.records["time"].tolist() == [deadline]


def test_nothing_new_needs_no_transaction() -> None:
    life = begun()
    assert life.snapshot(0) is None
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    drain(life)
    life.tick(list(Input), None)
    assert life.snapshot(0) is None


def test_an_idle_partition_notes_its_watermark_now_and_then() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    end = START + 63.0 * DAY
    life.tick(list(Input), end + 1.0)
    assert life.snapshot(0) is not None
    life.tick(list(Input), end + 20.0)
    assert life.snapshot(0) is None
    life.tick(list(Input), end + 1.0 + IDLE_RECORD_SECONDS)
    noted = life.snapshot(0)
    assert noted is not None
    assert (noted.rows, noted.decisions) == ([], [])
    assert decode_partition(noted.record).watermark == end + 1.0 + IDLE_RECORD_SECONDS


def test_time_does_not_go_back_over_a_restart() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    now = START + 65.0 * DAY
    life.tick(list(Input), now)
    saved = life.snapshot(0)
    assert saved is not None
    again = recovered([saved])
    assert again.timeline.watermark == now
    late = [purchase("c-1", 10, 64.0)]
    assert again.take(Input.PURCHASES, fetch(late, 10), None).late == 1


def test_a_changelog_that_contradicts_the_offsets_is_refused() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    snapshot = drain(life)
    other = new_life({"purchases": 7, "visits": 0, "payments": 0, "support": 0})
    other.restore(record_fetch(snapshot.record))
    with pytest.raises(StateError, match="the changelog stands at"):
        other.finish_recovery()
    lost = new_life(decode_partition(snapshot.record).positions)
    lost.restore(record_fetch(snapshot.record))
    with pytest.raises(StateError, match="0 customers were read back, 1 were written"):
        lost.finish_recovery()
    empty = new_life({"purchases": 7})
    with pytest.raises(StateError, match="the changelog has no record"):
        empty.finish_recovery()


def test_purchases_of_the_sample_are_written_with_what_they_did() -> None:
    plain, life = begun(), new_life(sampled=10)
    life.finish_recovery()
    snapshots = []
    for one in (plain, life):
        one.take(Input.PURCHASES, fetch([*weekly("c-1", 3), b"nonsense"]), None)
        one.take(Input.VISITS, fetch([visit("c-1", 0, 3.0)]), None)
        snapshots.append(drain(one))
    assert snapshots[0].samples == []
    (told,) = map(decode_sample, snapshots[1].samples)
    assert told.times == [int(START + day * DAY) for day in (0.0, 7.1, 14.2)]
    assert told.watermark == life.timeline.watermark
    assert len(set(told.customers)) == 1
    assert plain.state.rows[:1].tobytes() == life.state.rows[:1].tobytes()
    life.take(Input.VISITS, fetch([visit("c-1", 1, 14.3)], 1), None)
    assert drain(life).samples == []


def test_an_event_that_lies_wrong_is_written_when_its_position_passes_and_only_then() -> None:
    life = PartitionLife(
        0, Profile(), NAMES, dict.fromkeys(Input, (0, False)), home=Home("g", 0, 4)
    )
    life.finish_recovery()
    # by murmur2 over 4 partitions, c-4 belongs to 0 and c-2 to 2
    home, away = purchase("c-4", 0, 0.0), purchase("c-2", 0, 1.0)
    taken = life.take(Input.PURCHASES, fetch([home, away]), None)
    assert (taken.rerouted, taken.dead_letters) == (1, [])
    life.tick([], None)
    first = life.snapshot(0)
    assert first is None or first.reroutes[Input.PURCHASES] == []
    second = drain(life)
    (sent,) = second.reroutes[Input.PURCHASES]
    assert (sent.offset, sent.partition, sent.key) == (1, 2, b"c-2")
    assert second.positions[Input.PURCHASES] == 2
    assert life.state.size == 1
    life.take(Input.PURCHASES, fetch([purchase("c-4", 1, 2.0)], 2), None)
    assert drain(life).reroutes[Input.PURCHASES] == []


def test_a_restart_at_the_limit_stops_at_the_same_record() -> None:
    dlq = Dlq(limit=0.5, window=20)

    def life_at(record: bytes | None) -> PartitionLife:
        positions = decode_partition(record).positions if record else {}
        starts = {s: (positions.get(NAMES[s], 0), record is not None) for s in Input}
        life = PartitionLife(0, Profile(), NAMES, starts, dlq=dlq)
        if record:
            life.restore(record_fetch(record))
        life.finish_recovery()
        return life

    life = life_at(None)
    life.take(Input.PURCHASES, fetch([b"nonsense"] * 8), None)
    saved = drain(life)
    assert len(saved.dead_letters[Input.PURCHASES]) == 8
    for _ in range(2):
        again = life_at(saved.record)
        assert again.dead_letter_share(Input.PURCHASES) == 8 / 20
        again.take(Input.PURCHASES, fetch([b"nonsense"] * 2, 8), None)
        with pytest.raises(DeadLettersError, match=r"purchases\[0\]: 11 of the last 20"):
            again.take(Input.PURCHASES, fetch([b"nonsense"], 10), None)


@settings(max_examples=40)
@given(
    st.lists(st.booleans(), min_size=1, max_size=24),
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1),
    st.integers(0, 24),
)
def test_wherever_bad_records_stand_each_is_one_letter_and_each_good_one_counts(
    good: list[bool], fetches: list[tuple[int, bool]], lagging: int
) -> None:
    """First, last, alone, behind good ones that wait for a slower input: read in any pieces."""
    life = PartitionLife(0, Profile(), NAMES, dict.fromkeys(Input, (0, False)), dlq=Dlq())
    life.finish_recovery()
    records = [purchase("c-1", i, float(i)) if fine else b"nonsense" for i, fine in enumerate(good)]
    # a visit that lags holds back what was bought after it, and the letters behind that
    life.take(Input.VISITS, fetch([visit("c-1", 0, float(lagging))]), None)
    letters: list[int] = []
    at = turn = 0
    while at < len(records):
        size, saves = fetches[turn % len(fetches)]
        life.take(Input.PURCHASES, fetch(records[at : at + size], at), None)
        at, turn = at + size, turn + 1
        life.tick([Input.PAYMENTS, Input.SUPPORT], None)
        if saves and (snapshot := life.snapshot(0)):
            found = [letter.offset for letter in snapshot.dead_letters[Input.PURCHASES]]
            assert all(offset < snapshot.positions[Input.PURCHASES] for offset in found)
            letters += found
    last = drain(life)
    letters += [letter.offset for letter in last.dead_letters[Input.PURCHASES]]
    assert letters == [i for i, fine in enumerate(good) if not fine]
    assert life.state.population["applied"][0].tolist() == [sum(good), 1, 0, 0]
    assert last.positions[Input.PURCHASES] == len(records)
