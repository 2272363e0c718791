"""A partition's producer: whoever starts it owns the partition, and each commit is all or nothing.

The transactional id belongs to the partition, not to the process. `start` finishes or aborts what
the last owner left open, and fences it if it still lives. The group alone would not: aiokafka sends
no group generation with the offsets (KIP-447).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from streams.kafka.failures import explained, of_transaction
from streams.kafka.fault_points import Point, reach, reach_amid

MAX_REQUEST_BYTES = 8 << 20  # above any one record that a topic may hold
MESSAGE_BATCH_BYTES = 512 << 10
# the default of kafka.transaction_timeout_seconds
TRANSACTION_TIMEOUT_SECONDS = 30.0


class Message(NamedTuple):
    """One record to publish; `time_ms` where it is not the transaction's."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    time_ms: int | None = None


class Batch(Protocol):
    """What `AIOKafkaProducer.send_batch` takes."""

    def record_count(self) -> int: ...


class Outgoing(NamedTuple):
    """Messages, or finished batches, for one partition of a topic."""

    topic: str
    partition: int
    messages: Iterable[Message] = ()
    batches: Iterable[Batch] = ()


class PartitionProducer:
    """Transactions of one partition of one consumer group.

    `timeout`, in seconds: the broker aborts a transaction that was left open for so long.
    """

    def __init__(
        self,
        group: str,
        name: str,
        options: Mapping[str, Any],
        timeout: float = TRANSACTION_TIMEOUT_SECONDS,
    ) -> None:
        self._group = group
        self._transactional_id = f"{group}-{name}"
        self._producer = AIOKafkaProducer(
            **options,
            transactional_id=self._transactional_id,
            transaction_timeout_ms=int(timeout * 1000),
            max_request_size=MAX_REQUEST_BYTES,
            max_batch_size=MESSAGE_BATCH_BYTES,
        )

    async def start(self) -> None:
        """Fence whoever had the partition before. Raises AccessError when that is not allowed."""
        try:
            await self._producer.start()
        except KafkaError as error:
            if known := explained(error, "Write"):
                raise known from error
            raise

    async def stop(self) -> None:
        await self._producer.stop()

    async def commit(
        self, outgoing: Iterable[Outgoing], positions: Mapping[TopicPartition, int], time_ms: int
    ) -> None:
        """Publish everything and move the group's positions, if any, as one transaction.

        Raises whatever went wrong, FencedError if it was a newer owner, AccessError if a permission
        is missing. Nothing of it is then visible to a reader of committed data, and this producer
        must not be used again.
        """
        try:
            await self._commit(outgoing, positions, time_ms)
        except (KafkaError, IllegalOperation, AssertionError, OSError, TimeoutError) as error:
            if known := of_transaction(self._failure() or error, self._transactional_id):
                raise known from error
            raise

    async def _commit(
        self, outgoing: Iterable[Outgoing], positions: Mapping[TopicPartition, int], time_ms: int
    ) -> None:
        reach(Point.BEFORE_BEGIN)
        await self._producer.begin_transaction()
        deliveries: list[asyncio.Future[Any]] = []
        for out in outgoing:
            deliveries += [
                await self._producer.send_batch(batch, out.topic, partition=out.partition)
                for batch in (*self._batches(out.messages, time_ms), *out.batches)
            ]
        await reach_amid(Point.AMID_SENDS, self._delivered(deliveries))
        reach(Point.BEFORE_OFFSETS)
        if positions:
            await self._producer.send_offsets_to_transaction(dict(positions), self._group)
        reach(Point.AFTER_OFFSETS)
        await reach_amid(Point.AMID_COMMIT, self._producer.commit_transaction())
        reach(Point.AFTER_COMMIT)

    async def _delivered(self, deliveries: list[asyncio.Future[Any]]) -> None:
        # batches for a topic that the transaction could not take in would be waited for till they
        # expire: the transaction's own future knows at once
        all_sent = asyncio.gather(*deliveries)
        transaction: asyncio.Future[Any] = self._producer._txn_manager._transaction_waiter
        await asyncio.wait({all_sent, transaction}, return_when=asyncio.FIRST_COMPLETED)
        if not all_sent.done():
            all_sent.cancel()
            transaction.result()
        await all_sent

    def _failure(self) -> BaseException | None:
        """Why the broker refused the transaction: what is sent after that fails, but not by it."""
        transaction: asyncio.Future[Any] = self._producer._txn_manager._transaction_waiter
        done = transaction.done() and not transaction.cancelled()
        return transaction.exception() if done else None

    def _batches(self, messages: Iterable[Message], time_ms: int) -> list[Batch]:
        batches: list[Any] = []
        for message in messages:
            record = {
                "key": message.key,
                "value": message.value,
                "timestamp": time_ms if message.time_ms is None else message.time_ms,
                "headers": list(message.headers),
            }
            if not batches or batches[-1].append(**record) is None:
                batches.append(self._producer.create_batch())
                batches[-1].append(**record)
        return batches
