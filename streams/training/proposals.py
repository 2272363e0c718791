"""The newest proposal on the broker, for whoever decides on it."""

import msgspec

from schemas import proposals
from schemas.topics import OutputTopics
from streams.errors import InputError
from streams.kafka.connection import client_options
from streams.kafka.topics import check
from streams.settings import Settings
from streams.training.topic import read_to_end, reader


async def newest_proposal(settings: Settings) -> proposals.Proposal:
    """What the workers of these settings last proposed.

    Raises:
        InputError: there is none yet, or it is not readable.
        BrokerError: no broker answers.
    """
    topic = OutputTopics(settings.topics.prefix).model
    values: list[bytes] = []
    if topic in (await check(settings))[0]:
        async with reader(client_options(settings)) as consumer:
            records = await read_to_end(consumer, topic)
        values = [
            record.value for record in records if record.key == proposals.KEY and record.value
        ]
    where = f"{topic} on {settings.broker}"
    if not values:
        raise InputError(
            "no worker has proposed anything yet",
            where=where,
            remedy="A refit is made every model.refit_days of event time, once labels have come "
            "and 100 gaps of the sample; until then, fit to a file.",
        )
    return read_proposal(values[-1], where)


def read_proposal(value: bytes, where: str) -> proposals.Proposal:
    """The record. Raises InputError."""
    try:
        return proposals.decode(value)
    except msgspec.DecodeError as error:
        raise InputError(
            f"the newest proposal is not readable: {error}",
            where=where,
            remedy="If a newer version of offbeat wrote it, use that one; else the next refit "
            "replaces it.",
        ) from error
