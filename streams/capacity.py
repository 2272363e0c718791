"""How many partitions and workers, and how much memory and disk: arithmetic over measured figures.

    events a second, customers  →  workers → partitions, memory a worker, disk, seconds until back

The constants are what `make bench` printed on two slow cores that the broker used as well
(docs/speed.md), rounded to the careful side. Measure on machines of your own before you buy many.
"""

from dataclasses import dataclass
from math import ceil

# With a million customers, every detector, alerts and transactions: latency_rate_events_per_second.
EVENTS_PER_SECOND = 150_000.0
# At half of its speed a worker is through a pause as long again after it.
MOST_LOAD = 0.5
# bytes_a_customer_kept_ready with ids of nine bytes; a UUID takes 27 more. A quarter for growth.
BYTES_A_CUSTOMER = (550 + 27) * 1.25
# Libraries and compiled code of one process (docs/processes.md), and what a checkpoint needs.
PROCESS_BYTES = 450 << 20
# What a partition may hold back in memory, all inputs together: alignment.ahead_bytes.
PARTITION_BYTES = 32 << 20
# recovery_broker_customers_per_second
RECOVERED_PER_SECOND = 200_000.0
# start_seconds
START_SECONDS = 4.0
# The row and its id as a record: commit_0.5_s_bytes_an_event.
CHANGELOG_BYTES = 500
# While a log is compacted its old and its new half are there; a segment is compacted once closed.
COMPACTION = 2
SEGMENT_BYTES = 64 << 20
# Partitions cannot be changed later without losing who is where: four times what is needed now.
GROWTH = 4
LEAST_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an installation needs.

    cores: one a worker. memory_bytes: of one worker, when one of them is away and the others have
    its partitions. changelog_bytes: on the brokers, one copy. restart_seconds: a worker that was
    restarted until its partitions go on. takeover_seconds: those of one that died, until others go
    on with them. catch_up_ratio: seconds to work off one second of backlog.
    """

    customers: int
    events_per_second: float
    workers: int
    partitions: int
    memory_bytes: int
    changelog_bytes: int
    restart_seconds: float
    takeover_seconds: float
    catch_up_ratio: float


def capacity(
    customers: int, events_per_second: float, *, session_timeout_seconds: float = 10.0
) -> Capacity:
    """Two workers at least, so that one can be away.

    Raises:
        ValueError: fewer than one customer, or a rate that is not above 0.

    >>> capacity(1_000_000, 5_000).workers
    2
    """
    if customers < 1 or not 0 < events_per_second < float("inf"):
        raise ValueError("accepted: at least one customer, and more than 0 events a second")
    needed = ceil(events_per_second / (EVENTS_PER_SECOND * MOST_LOAD))
    workers = max(2, needed + 1)  # one may be away
    partitions = max(LEAST_PARTITIONS, GROWTH * workers)
    remaining = workers - 1
    share, own = ceil(customers / remaining), ceil(partitions / remaining)
    recovery = customers / workers / RECOVERED_PER_SECOND
    speed = workers * EVENTS_PER_SECOND
    return Capacity(
        customers=customers,
        events_per_second=events_per_second,
        workers=workers,
        partitions=partitions,
        memory_bytes=int(PROCESS_BYTES + own * PARTITION_BYTES + share * BYTES_A_CUSTOMER),
        changelog_bytes=COMPACTION * (customers * CHANGELOG_BYTES + partitions * SEGMENT_BYTES),
        restart_seconds=START_SECONDS + recovery,
        takeover_seconds=session_timeout_seconds + recovery,
        catch_up_ratio=events_per_second / (speed - events_per_second),
    )
