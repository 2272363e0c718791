"""A worker's process against a broker that wants a log-in, TLS and permissions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.harness import create_topics
from benchmarks.security import erasure
from benchmarks.security.cluster import Cluster, cluster
from benchmarks.security.trial import settings_of, start_and_end, works
from streams.errors import AccessError
from streams.kafka import permissions, topics
from streams.kafka.acls import Acl, acls
from streams.kafka.connection import client_options
from streams.kafka.producer import PartitionProducer
from streams.settings import Settings, load

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def secured() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


def _as_user(settings: Settings, secure: dict[str, str]) -> Settings:
    """The same topics and group, through another listener."""
    own = load(**secure)  # type: ignore[arg-type]  # flags
    return settings.model_copy(update={"broker": own.broker, "kafka": own.kafka})


async def test_a_worker_logs_in_over_tls_and_alerts_with_the_least_permissions(
    secured: Cluster,
) -> None:
    assert await works(secured, secured.sasl("SASLTLS", "SCRAM-SHA-512"))


async def test_a_worker_that_may_not_log_in_says_where_as_whom_and_what_to_look_at(
    secured: Cluster,
) -> None:
    wrong = {"kafka_sasl_password_file": str(secured.folder / "wrong-password")}
    ended = start_and_end(settings_of(secured), secured.sasl("SASL", "SCRAM-SHA-256") | wrong)
    words = (secured.at("SASL"), "user worker", "SCRAM-SHA-256", "wrong-password")
    assert ended.refused(*words), ended


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_told_from_a_broker_that_is_not_there(
    secured: Cluster, mechanism: str
) -> None:
    wrong = {"kafka_sasl_password_file": str(secured.folder / "wrong-password")}
    settings = _as_user(settings_of(secured), secured.sasl("SASLTLS", mechanism) | wrong)
    with pytest.raises(AccessError, match=f"refuses the log-in of user worker with {mechanism}"):
        await topics.check(settings)


async def test_a_certificate_for_another_name_and_one_of_a_stranger_are_told_apart(
    secured: Cluster,
) -> None:
    settings = settings_of(secured)
    with pytest.raises(AccessError, match=r"another host name than 127\.0\.0\.1"):
        await topics.check(_as_user(settings, secured.tls("OTHERNAME")))
    stranger = {"kafka_tls_ca_file": str(secured.folder / "other-ca.pem")}
    with pytest.raises(AccessError, match="not trusted"):
        await topics.check(_as_user(settings, secured.tls("TLS") | stranger))


async def test_a_listener_that_speaks_otherwise_is_told_from_a_broker_that_is_not_there(
    secured: Cluster,
) -> None:
    settings = settings_of(secured)
    for other in (
        settings.model_copy(update={"broker": secured.at("TLS")}),
        settings.model_copy(update={"broker": secured.at("SASL")}),
        _as_user(settings, secured.tls("TLS") | {"broker": secured.bootstrap}),
        _as_user(settings, secured.tls("TLS") | {"broker": secured.at("MUTUAL")}),
    ):
        with pytest.raises(AccessError, match="OFFBEAT_KAFKA_SECURITY_PROTOCOL"):
            await topics.check(other)


async def test_an_erased_customer_is_in_no_byte_of_our_topics_logs_and_metrics(
    secured: Cluster,
) -> None:
    outcomes = [outcome async for outcome in erasure.erased(secured, quick=True)]
    assert outcomes
    assert [outcome.what for outcome in outcomes if not outcome.as_promised] == []


async def test_each_missing_permission_is_named_and_no_other(secured: Cluster) -> None:
    settings = settings_of(secured)
    await create_topics(settings)
    own = _as_user(settings, secured.sasl("SASL", "PLAIN"))
    wanted = [acl for acl in acls(settings) if acl.resource != "transactional-id"]
    with pytest.raises(AccessError, match=f"user worker lacks {len(wanted)} "):
        await permissions.require(own)
    await secured.allow(wanted)
    await permissions.require(own)
    for acl in wanted:
        await secured.withdraw([acl])
        with pytest.raises(AccessError, match="lacks 1 of") as caught:
            await permissions.require(own)
        assert f"\n  {acl}\n" in str(caught.value)
        await secured.allow([acl])


async def test_a_transactional_id_that_is_not_allowed_is_named(secured: Cluster) -> None:
    settings = settings_of(secured)
    own = _as_user(settings, secured.sasl("SASL", "PLAIN"))
    producer = PartitionProducer(settings.group, "0", client_options(own))
    with pytest.raises(AccessError, match=f"Write on transactional-id {settings.group}-0"):
        await producer.start()
    await producer.stop()
    await secured.allow([Acl("transactional-id", f"{settings.group}-0", "Write")])
    allowed = PartitionProducer(settings.group, "0", client_options(own))
    await allowed.start()
    await allowed.stop()


async def test_whoever_is_not_asked_for_a_log_in_may_do_everything_here(secured: Cluster) -> None:
    settings = settings_of(secured)
    await create_topics(settings)
    await permissions.require(settings)
