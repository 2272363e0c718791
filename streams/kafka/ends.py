"""Where the logs end, asked apart from the consumer: one that hangs would say that all is read."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

REQUEST_SECONDS = 5.0


class LogEnds:
    """A client of its own, made when it is first needed; for readers of committed data.

    So what an open transaction holds back is no lag.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._consumer: AIOKafkaConsumer | None = None

    async def at(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The end of each. Raises KafkaError, OSError or TimeoutError when the broker is away."""
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._options,
                isolation_level="read_committed",
                request_timeout_ms=int(REQUEST_SECONDS * 1000),
            )
            await consumer.start()
            self._consumer = consumer
        return dict(await self._consumer.end_offsets(list(tps)))

    async def stop(self) -> None:
        """Close the client."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
