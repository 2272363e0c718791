"""Proposals: made beside the loop, kept with the model, read back, and never in anybody's way.

One file: what is due, what is made of it, and the loop beside it share the sample of purchases.
"""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from detectors.lab.fit import LEAST_GAPS
from detectors.profile import Profile
from schemas import examples, proposals, samples
from streams.errors import InputError, StateError
from streams.profile_files import with_parameters
from streams.training import refits
from streams.training.proposals import read_proposal
from streams.training.refit import Refit, fitted, proposal
from streams.training.refits import REST, Refits
from streams.training.trainer import Checkpoint, Committed, Trainer, Training

DAY = 86_400
START = 20_006 * DAY  # a multiple of 7 days
NAMES = ("silence", "tenure")
TRAINING = Training(
    NAMES, min_labels=100, publish_labels=50, refit_days=7.0, running=fitted(Profile())
)
NOTHING = Committed(record=None, next_offset=None, log_start=0)
WEEKS = 30
Purchase = tuple[int, int]


def example(day: float) -> bytes:
    times = (START + (day - 60) * DAY, START + day * DAY)
    return examples.encode(times, 0, dict.fromkeys(NAMES, day), 0.3)


def shop(customers: int = 30, seed: int = 4) -> list[Purchase]:
    """Customers who come about every nine days for thirty weeks; by time."""
    rng = np.random.default_rng(seed)
    gaps = np.exp(rng.normal(2.2, 0.3, (customers, 40)))
    days = rng.uniform(0, 30, (customers, 1)) + np.cumsum(gaps, axis=1)
    bought = [
        (8 * (c + 1), int(START + d * DAY))
        for c in range(customers)
        for d in days[c].tolist()
        if d < 7 * WEEKS
    ]
    return sorted(bought, key=lambda purchase: purchase[1])


def told(purchases: list[Purchase], partition: int, until: float) -> bytes:
    mine = [p for p in purchases if p[0] // 8 % 2 == partition]
    return msgspec.json.encode(
        samples.Sample(
            partition=partition,
            zero_bits=0,
            watermark=until,
            customers=[c for c, _ in mine],
            times=[t for _, t in mine],
        )
    )


def records(until_week: int = WEEKS) -> list[bytes]:
    """What two partitions send, week by week; a label in between."""
    purchases, found = shop(), [example(1.0)]
    for week in range(until_week):
        since, until = START + week * 7 * DAY, START + (week + 1) * 7 * DAY
        new = [p for p in purchases if since <= p[1] < until]
        found += [told(new, partition, until) for partition in range(2)]
    return found


def trained(values: list[bytes], committed: Committed = NOTHING) -> Trainer:
    trainer = Trainer(TRAINING, committed)
    first = trainer.next_offset
    assert not trainer.take(values, first, first + len(values)).skipped
    return trainer


def written(trainer: Trainer) -> Checkpoint:
    checkpoint = trainer.checkpoint()
    assert checkpoint is not None
    return checkpoint


def after_crash(checkpoint: Checkpoint, before: Committed = NOTHING) -> Committed:
    """What compaction leaves of a checkpoint and those before it."""
    newest = {**before.beside, **checkpoint.beside}
    beside = {key: value for key, value in newest.items() if value is not None}
    return Committed(checkpoint.value, checkpoint.next_offset, 0, beside)


def begun(trainer: Trainer) -> Refit:
    refit = trainer.begin_refit()
    assert refit is not None
    return refit


@pytest.fixture(scope="module")
def made() -> proposals.Proposal:
    return proposal(begun(trained(records())), Profile(), lambda: None)


def test_a_refit_is_due_once_every_partition_has_told_of_the_time_before_it() -> None:
    values = records(3)
    trainer = trained(values[:-1])
    assert begun(trainer).until == START + 14 * DAY
    assert trainer.begin_refit() is None
    trainer.take(values[-1:], len(values) - 1, len(values))
    assert begun(trainer).until == START + 21 * DAY


def test_before_the_first_label_and_where_it_is_off_nothing_is_due() -> None:
    assert trained(records(3)[1:]).begin_refit() is None
    off = Trainer(replace(TRAINING, refit_days=0.0), NOTHING)
    off.take(records(3), 0, 7)
    assert off.begin_refit() is None


def test_the_same_events_give_the_same_proposal_however_partitions_take_turns(
    made: proposals.Proposal,
) -> None:
    values = records()
    one_by_one = values[:1] + values[1::2] + values[2::2]
    again = proposal(begun(trained(one_by_one)), Profile(), lambda: None)
    assert again == made


def test_a_proposal_explains_the_sample_better_than_what_runs(made: proposals.Proposal) -> None:
    assert (made.number, made.customers) == (1, 30)
    assert made.until == datetime.fromtimestamp(START + 7 * WEEKS * DAY, UTC)
    assert made.gaps > 400
    assert made.gain > 0.1
    assert made.running == fitted(Profile())
    assert made.proposed["gap_location"] == pytest.approx(2.2, abs=0.1)


def test_a_proposal_is_published_once_and_found_again_after_a_crash(
    made: proposals.Proposal,
) -> None:
    trainer = trained(records())
    first = written(trainer)
    assert proposals.KEY not in first.beside
    assert trainer.checkpoint() is None
    trainer.propose(made)
    assert trainer.fresh
    second = written(trainer)
    value = second.beside[proposals.KEY]
    assert value is not None
    assert read_proposal(value, "model") == made
    assert trainer.checkpoint() is None
    heir = Trainer(TRAINING, after_crash(second, after_crash(first)))
    assert heir.proposal == made
    assert heir.begin_refit() is None
    heir.take([told([], p, START + (7 * WEEKS + 7) * DAY) for p in range(2)], heir.next_offset,
              heir.next_offset + 2)  # fmt: skip
    assert begun(heir).number == 2


def test_once_a_proposal_is_adopted_the_next_is_made_at_once(made: proposals.Proposal) -> None:
    trainer = trained(records())
    trainer.propose(made)
    committed = after_crash(written(trainer))
    assert Trainer(TRAINING, committed).begin_refit() is None
    adopted = replace(TRAINING, running=made.proposed)
    again = begun(Trainer(adopted, committed))
    assert (again.number, again.until) == (2, made.until.timestamp())


def test_a_trainer_that_crashed_refits_to_the_same_purchases() -> None:
    values = records()
    whole, half = trained(values), trained(values[:31])
    heir = trained(values[31:], after_crash(written(half)))
    one, two = begun(whole), begun(heir)
    assert (one.until, one.number) == (two.until, two.number)
    assert one.histories.day.tolist() == two.histories.day.tolist()
    assert one.histories.customer.tolist() == two.histories.customer.tolist()
    assert one.earlier.tolist() == two.earlier.tolist()


def test_a_proposal_becomes_a_profile_and_nothing_else_of_it_changes(
    made: proposals.Proposal,
) -> None:
    start = replace(Profile(), alert_cost_days=30.0)
    found = with_parameters(start, made.proposed)
    assert fitted(found) == made.proposed
    assert with_parameters(found, fitted(start)) == start
    with pytest.raises(InputError, match="other_parameter"):
        with_parameters(start, {"other_parameter": 1.0})


def test_a_broken_proposal_is_refused_and_says_what_to_do(made: proposals.Proposal) -> None:
    broken = msgspec.json.encode(made).replace(b'"gaps":', b'"gaps":-')
    with pytest.raises(InputError, match=r"offbeat.model: .*gaps.*the next refit replaces it"):
        read_proposal(broken, "offbeat.model")


@pytest.mark.parametrize(
    "key", [proposals.KEY, samples.SAMPLING_KEY, samples.customer_key(8)], ids=str
)
def test_what_is_kept_for_refits_and_cannot_be_read_stops_the_trainer(key: bytes) -> None:
    committed = after_crash(written(trained(records(2))))
    broken = replace(committed, beside={**committed.beside, key: b'{"schema":"other"}'})
    with pytest.raises(StateError, match=r"for refits is not readable: .*delete the topic's"):
        Trainer(TRAINING, broken)


def test_a_sample_of_another_version_is_skipped_like_an_example() -> None:
    later = json.dumps(json.loads(told([], 0, 1.0)) | {"schema": "offbeat.sample.v2"})
    trainer = Trainer(TRAINING, NOTHING)
    taken = trainer.take([later.replace('": "', '":"').encode()], 0, 1)
    ((reason, count),) = taken.skipped.items()
    assert "offbeat.sample.v2" in reason
    assert count == 1


# --- beside the loop ------------------------------------------------------------------------------


class Fit:
    """A fit that lasts until it is let go, or given up; how it went is for tests to look at."""

    def __init__(self, made: proposals.Proposal) -> None:
        self.made = made
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.numbers: list[int] = []

    def __call__(self, refit: Refit, running: Profile, going_on: object) -> proposals.Proposal:
        assert callable(going_on)
        self.numbers.append(refit.number)
        self.begun.set()
        while not self.may_end.wait(0.005):
            going_on()
        return self.made


@pytest.fixture
def slow(made: proposals.Proposal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fit]:
    fit = Fit(made)
    monkeypatch.setattr(refits, "proposal", fit)
    yield fit
    fit.may_end.set()


@asynccontextmanager
async def running() -> AsyncIterator[Refits]:
    made = Refits(Profile())
    yield made
    await made.stop()


async def until_proposed(beside: Refits, trainer: Trainer) -> None:
    async with asyncio.timeout(20):
        while trainer.proposal is None:
            beside.look(trainer)
            await asyncio.sleep(0.01)


async def test_one_refit_at_a_time_and_nobody_waits_for_it(slow: Fit) -> None:
    values = records(4)
    trainer = trained(values[:-2])
    async with running() as beside:
        beside.look(trainer)
        await asyncio.to_thread(slow.begun.wait, 20)
        trainer.take(values[-2:], len(values) - 2, len(values))
        for _ in range(5):
            beside.look(trainer)
        assert slow.numbers == [1]
        assert trainer.proposal is None
        slow.may_end.set()
        await until_proposed(beside, trainer)
    assert trainer.proposal == slow.made


async def test_a_refit_under_way_is_given_up_at_once(slow: Fit) -> None:
    trainer = trained(records(3))
    async with running() as beside:
        beside.look(trainer)
        await asyncio.to_thread(slow.begun.wait, 20)
        async with asyncio.timeout(5):
            await beside.stop()
        beside.look(trainer)
    assert trainer.proposal is None
    assert not slow.may_end.is_set()
    assert [thread for thread in threading.enumerate() if thread.name == "refit"] == []


async def test_a_real_fit_stops_between_two_steps() -> None:
    trainer = trained(records())
    async with running() as beside:
        beside.look(trainer)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await beside.stop()
    assert trainer.proposal is None


async def test_a_fit_rests_in_proportion_to_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[tuple[float, float]] = []

    def work(_refit: Refit, _running: Profile, rest: Callable[[], None]) -> None:
        began = time.monotonic(), time.thread_time()
        for _ in range(4):
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            rest()
        spent.append((time.monotonic() - began[0], time.thread_time() - began[1]))
        raise ValueError("nothing found")

    monkeypatch.setattr(refits, "proposal", work)
    trainer = trained(records(3))
    async with running() as beside, asyncio.timeout(20):
        while not spent:
            beside.look(trainer)
            await asyncio.sleep(0.01)
    elapsed, worked = spent[0]
    assert elapsed >= (1.0 + REST) * 0.04
    assert worked < elapsed / 2


async def test_too_few_gaps_are_said_and_left() -> None:
    trainer = trained(records(2))
    async with running() as beside:
        with pytest.MonkeyPatch.context() as patch:
            said: list[dict[str, object]] = []
            patch.setattr(refits.log, "warning", lambda _, **fields: said.append(fields))
            async with asyncio.timeout(20):
                while not said:
                    beside.look(trainer)
                    await asyncio.sleep(0.01)
    assert f"at least {LEAST_GAPS}" in str(said[0]["reason"])
    assert trainer.proposal is None
