"""What people say about alerts, sent to `<prefix>.feedback`: a producer, made when it is needed.

Nothing that goes wrong here touches the stream: whoever said it is told that it was not recorded.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.feedback import Feedback, FeedbackKind, encode
from schemas.instants import rfc3339
from schemas.topics import OutputTopics
from streams.kafka.connection import client_options
from streams.settings import Settings

SEND_SECONDS = 10.0  # somebody waits for the answer
MOST_ALERTS = 10_000  # whose feedback is remembered, for the page alone
MOST_SAID = 8  # of one alert


class Said(NamedTuple):
    """What was recorded about an alert through this process."""

    kind: FeedbackKind
    at: float  # wall time
    note: str | None
    offer: str | None


class NotRecordedError(Exception):
    """The broker did not take it, or did not say so in time."""


class FeedbackProducer:
    """Writes feedback, each record acknowledged by all copies; remembers what it wrote of late."""

    def __init__(self, settings: Settings) -> None:
        self._options = client_options(settings)
        self._topic = OutputTopics(settings.topics.prefix).feedback
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._said: OrderedDict[str, list[Said]] = OrderedDict()

    def said(self, alert_id: str | None) -> list[Said]:
        """What was recorded about the alert since the process started, the newest first."""
        return list(reversed(self._said.get(alert_id or "", [])))

    async def send(
        self,
        partition: int,
        customer_id: str,
        alert_id: str,
        said: Said,
    ) -> None:
        """Write one record beside the customer's alerts, and wait until it is there.

        Raises:
            NotRecordedError: it is not known to be there; to say it again does no harm.
        """
        record = Feedback(
            alert_id=alert_id,
            customer_id=customer_id,
            event_time=rfc3339(said.at),
            kind=said.kind,
            note=said.note,
            offer=said.offer,
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                producer = await self._started()
                await producer.send_and_wait(
                    self._topic, encode(record), key=customer_id.encode(), partition=partition
                )
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()  # the next one begins anew
            raise NotRecordedError(str(error) or type(error).__name__) from error
        self._remember(alert_id, said)

    async def stop(self) -> None:
        """Give up the connection; a later `send` makes another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(SEND_SECONDS):
                    await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._options,
                    acks="all",
                    enable_idempotence=True,
                    request_timeout_ms=int(SEND_SECONDS * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    def _remember(self, alert_id: str, said: Said) -> None:
        mine = self._said.setdefault(alert_id, [])
        mine.append(said)
        del mine[:-MOST_SAID]
        self._said.move_to_end(alert_id)
        while len(self._said) > MOST_ALERTS:
            self._said.popitem(last=False)
