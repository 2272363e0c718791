"""What a worker with many customers keeps in memory, and how fast it reads them back.

Four partitions, as one worker would have them. Recovery reads record batches as they lie in the
changelog, checksums included, through the worker's own reader and `PartitionLife`; what makes the
batches is not timed. Growth sends as many customers' first purchases through the engine, with a
changelog record each.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.measuring import GIB, peak_bytes, resident_bytes
from benchmarks.speed.shop import Crowd, Shop, keys
from detectors.customer import CUSTOMER, DAY_SECONDS
from detectors.engine import advance, apply
from detectors.index import hash_slices
from detectors.lab.decided import EUR, NO_IDS
from detectors.observations import OBSERVATION, Batch, Input
from detectors.state import CustomerState
from schemas.changelog import PARTITION_KEY, PartitionRecord, encode_partition
from streams.cli.progress import progress
from streams.kafka.batches import FinishedBatch, row_batches
from streams.kafka.columns import parse
from streams.partition.changelog import PREFIX, ChangelogWriter
from streams.partition.digest import Digest, digest_of
from streams.partition.life import PartitionLife
from streams.settings import Settings, detector_profile

PARTITIONS = 4
FETCH = 1800  # rows in a record batch
LIVED = 40  # batches of events that each partition takes afterwards
BATCH = 4000


class Written(NamedTuple):
    """One record batch of a partition's changelog."""

    partition: int
    batch: FinishedBatch

    def fetched(self) -> bytes:
        """As a broker hands it out: with the checksum that the producer adds."""
        self.batch._set_producer_state(1, 0, 0)  # noqa: SLF001 (aiokafka calls it)
        return bytes(self.batch)


def recovered(customers: int) -> dict[str, float]:
    """Read the customers back, let some of them live on; memory and speed."""
    settings = Settings()
    shop = Shop(detector_profile(settings))
    names = settings.topics.inputs
    starts = dict.fromkeys(Input, (0, True))
    lives = [PartitionLife(n, shop.profile, names, starts) for n in range(PARTITIONS)]
    crowds = [
        Crowd(shop, customers // PARTITIONS, n * (customers // PARTITIONS))
        for n in range(PARTITIONS)
    ]
    _warm_up(settings, shop)
    before = resident_bytes()
    seconds = 0.0
    with progress("Recovering", customers, "customers") as advanced:
        for written in changelog(crowds, names):
            data = written.fetched()
            began = time.perf_counter()
            for fetched in parse(data, 0):
                lives[written.partition].restore(fetched)
            seconds += time.perf_counter() - began
            advanced(FETCH)
    began = time.perf_counter()
    for life in lives:
        life.finish_recovery()
    finishing = time.perf_counter() - began
    recovered_bytes = resident_bytes() - before
    full = sum(_full_bytes(life.state) for life in lives)
    kept_ready = sum(life.state.nbytes for life in lives)
    for life, crowd in zip(lives, crowds, strict=True):
        for coming, _ in zip(crowd.coming(BATCH), range(LIVED), strict=False):
            coming.batch.observations["row"] = life.state.locate(*coming.keys)
            apply(life.state, coming.batch)
            advance(life.state, coming.end)
            life.snapshot(0)
    return {
        "customers": customers,
        "recovery_customers_per_second": customers / (seconds + finishing),
        "recovery_finish_seconds": finishing,
        "bytes_a_customer": full / customers,
        "bytes_a_customer_kept_ready": kept_ready / customers,
        "resident_bytes_a_customer": recovered_bytes / customers,
        "resident_gib": resident_bytes() / GIB,
        "peak_gib": peak_bytes() / GIB,
    }


def _full_bytes(state: CustomerState) -> float:
    """What the customers would take if there were room for no other; ids as long as they are."""
    used = int(state.id_ends[state.size])
    fixed = state.nbytes - state.ids.nbytes
    digest = ChangelogWriter(state).nbytes
    return used + fixed * state.size / len(state.rows) + digest


def _warm_up(settings: Settings, shop: Shop) -> None:
    names = settings.topics.inputs
    life = PartitionLife(0, shop.profile, names, dict.fromkeys(Input, (0, True)))
    for written in changelog([Crowd(shop, 10)], names):
        for fetched in parse(written.fetched(), 0):
            life.restore(fetched)
    life.finish_recovery()


def changelog(crowds: list[Crowd], names: tuple[str, ...]) -> Iterator[Written]:
    """The record batches of all partitions in turn, each partition's own record last."""
    digests = [0] * len(crowds)
    for first in range(0, crowds[0].customers, FETCH):
        for partition, crowd in enumerate(crowds):
            numbers = np.arange(first, min(first + FETCH, crowd.customers))
            rows, (ids, starts, ends) = crowd.copies(numbers)
            values = rows.view(np.uint8).reshape(-1, CUSTOMER.itemsize)
            digests[partition] += Digest(values, hash_slices(ids, starts, ends)).total
            yield Written(partition, _batch(values, ids, np.append(0, ends), PREFIX))
    for partition, crowd in enumerate(crowds):
        record = PartitionRecord(
            positions=dict.fromkeys(names, 0),
            released={},
            watermark=crowd.shop.now,
            customers=crowd.customers,
            digest=digest_of(digests[partition]),
            population={name: value[0].tolist() for name, value in crowd.shop.population.items()},
        )
        key = np.frombuffer(PARTITION_KEY, np.uint8)
        nothing = np.empty((1, 0), np.uint8)
        yield Written(
            partition,
            _batch(nothing, key, np.array([0, len(key)]), encode_partition(record)),
        )


def _batch(
    values: NDArray[np.uint8], ids: NDArray[np.uint8], ends: NDArray[np.int64], prefix: bytes
) -> FinishedBatch:
    rows = np.arange(len(values), dtype=np.int32)
    (batch,) = row_batches(rows, ids, ends, prefix, values, int(time.time() * 1000))
    return batch


def grown(customers: int) -> dict[str, float]:
    """Let customers come one after the other, each with a first purchase; memory and speed."""
    profile = detector_profile(Settings())
    states = [CustomerState(profile) for _ in range(PARTITIONS)]
    writers = [ChangelogWriter(state) for state in states]
    start, seconds = 1_735_689_600.0, 0.0
    with progress("Growing", customers, "customers") as advanced:
        for first in range(0, customers, BATCH):
            partition = first // BATCH % PARTITIONS
            state = states[partition]
            numbers = np.arange(first, min(first + BATCH, customers))
            names = keys(numbers)
            observations = np.zeros(len(numbers), OBSERVATION)
            for name in ("event_time", "effective_time"):
                observations[name] = start + numbers * (DAY_SECONDS / customers)
            observations["amount"], observations["currency"] = 10.0 + numbers % 90, EUR
            observations["value"] = observations["extra"] = np.nan
            began = time.perf_counter()
            observations["row"] = state.locate(*names)
            apply(state, Batch(observations, NO_IDS))
            writers[partition].batches(0)
            seconds += time.perf_counter() - began
            advanced(len(numbers))
    assert sum(writer.customers for writer in writers) == customers
    return {
        "growth_customers_per_second": customers / seconds,
        "growth_resident_gib": resident_bytes() / GIB,
        "growth_peak_gib": peak_bytes() / GIB,
    }
