"""What the broker allows this user, held against what a worker needs, before it starts.

Without it a refusal would come in the middle of something: from a consumer as an error that Faust
retries for ever, from a transaction as one that names no topic.

Transactional ids cannot be asked about without fencing their owner: `streams.kafka.denials` puts
the refusal at their start into words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IncompatibleBrokerVersion,
    KafkaError,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
    for_code,
)

from streams.errors import AccessError
from streams.kafka.acls import Acl, acls
from streams.kafka.connection import client_options
from streams.kafka.login import refusal
from streams.kafka.positions import COORDINATOR_SECONDS
from streams.kafka.rights import GroupRightsRequest, TopicRightsRequest
from streams.settings import Settings

# AclOperation's codes, which are also the positions of their bits.
_BITS = {"Read": 1 << 3, "Write": 1 << 4}
_UNKNOWN = -(1 << 31)  # the broker did not say
_COORDINATOR_MOVES = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)
_DENIED = TopicAuthorizationFailedError.errno


async def require(settings: Settings) -> None:
    """Raise AccessError that names every missing permission on topics and on the group.

    A topic that is not there is none of this check's; a broker before Kafka 2.3 cannot be asked.
    """
    missing = await _missing(settings)
    if missing:
        raise AccessError(
            f"{_user(settings)} lacks {len(missing)} of the permissions that a worker needs",
            where=settings.broker,
            remedy="\n"
            + "".join(f"  {acl}\n" for acl in missing)
            + "Have them added: `offbeat topics acls` prints the commands. A topic that is not "
            "there looks the same to somebody without a permission on it.",
        )


async def _missing(settings: Settings) -> list[Acl]:
    client = AIOKafkaClient(**client_options(settings))
    try:
        try:
            await client.bootstrap()
        except KafkaError as error:
            raise await refusal(settings, error) from None
        wanted = acls(settings)
        names = list(dict.fromkeys(acl.name for acl in wanted if acl.resource == "topic"))
        rights: dict[tuple[str, str], int] = {
            ("topic", name): bits for name, bits in (await _topic_rights(client, names)).items()
        }
        rights["group", settings.group] = await _group_rights(client, settings.group)
    except IncompatibleBrokerVersion:
        return []
    finally:
        await client.close()
    return [acl for acl in wanted if _lacks(rights.get((acl.resource, acl.name)), acl)]


def _lacks(rights: int | None, acl: Acl) -> bool:
    """Whether the broker said that this is not allowed; not if it said nothing."""
    return rights not in (None, _UNKNOWN) and not rights & _BITS[acl.operation]


async def _topic_rights(client: AIOKafkaClient, names: Sequence[str]) -> dict[str, int]:
    response: Any = await client.send(client.get_random_node(), TopicRightsRequest(list(names)))
    rights = {}
    for code, name, _, _, operations in response.topics:
        if code == 0:
            rights[name] = operations
        elif code == _DENIED:
            rights[name] = 0
    return rights


async def _group_rights(client: AIOKafkaClient, group: str) -> int:
    async with asyncio.timeout(COORDINATOR_SECONDS):
        while True:
            try:
                node = await client.coordinator_lookup(CoordinationType.GROUP, group)
                response: Any = await client.send(node, GroupRightsRequest(group))
                ((code, *_, operations),) = response.groups
                if code:
                    raise for_code(code)
            except GroupAuthorizationFailedError:
                return 0
            except _COORDINATOR_MOVES:
                await asyncio.sleep(0.1)  # a fresh broker makes its offsets topic first
            else:
                return int(operations)


def _user(settings: Settings) -> str:
    name = settings.kafka.sasl_username
    return f"user {name}" if name else "this client"
