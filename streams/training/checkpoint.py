"""The trainer's transactions: a version of the model and the position it has learnt up to.

Fence first, recover second: whoever starts the producer ends what the last trainer left open, and
only then is what it had committed read.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from streams.kafka.positions import starting_positions
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from streams.training.topic import is_version, read_to_end, reader
from streams.training.trainer import Checkpoint, Committed

TRANSACTIONAL_NAME = "trainer"


class TrainerCheckpoints:
    """Owner of the examples' partition 0 in `group`; `options` are those of any aiokafka client.

    Any failure is raised, nothing is then visible to a reader of committed data, and the process
    must end: the next trainer goes on from the last transaction. A trainer that another one has
    replaced fails at its next commit with FencedError.
    """

    def __init__(
        self, options: Mapping[str, Any], group: str, *, examples_topic: str, model_topic: str
    ) -> None:
        self._options = options
        self._group = group
        self._examples = TopicPartition(examples_topic, 0)
        self._model_topic = model_topic
        self._producer = PartitionProducer(group, TRANSACTIONAL_NAME, options)

    async def start(self) -> Committed:
        """Fence the last trainer, then read what it had committed."""
        await self._producer.start()
        positions = await starting_positions(self._options, self._group, [self._examples])
        offset, was_committed = positions[self._examples]
        async with reader(self._options) as consumer:
            starts = await consumer.beginning_offsets([self._examples])
            records = await read_to_end(consumer, self._model_topic)
        versions = [r.value for r in records if is_version(r.key) and r.value is not None]
        beside = {r.key: r.value for r in records if not is_version(r.key)}
        return Committed(
            record=versions[-1] if versions else None,
            next_offset=offset if was_committed else None,
            log_start=starts[self._examples],
            beside={key: value for key, value in beside.items() if value is not None},
        )

    async def commit(self, checkpoint: Checkpoint, time_ms: int) -> None:
        """Write the records, timestamped `time_ms`, and move the position: all or nothing."""
        beside = (Message(key, value) for key, value in checkpoint.beside.items())
        messages = [Message(checkpoint.key, checkpoint.value), *beside]
        await self._producer.commit(
            [Outgoing(self._model_topic, 0, messages)],
            {self._examples: checkpoint.next_offset},
            time_ms,
        )

    async def stop(self) -> None:
        """Let go; an open transaction is left to the next owner."""
        await self._producer.stop()
