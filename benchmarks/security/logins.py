"""Every way to log in: with the right secret a worker works, with a wrong one it says what is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from benchmarks.harness import create_topics
from benchmarks.security.cluster import MECHANISMS, Cluster
from benchmarks.security.trial import Outcome, settings_of, start_and_end, works


def _figure(mechanism: str) -> str:
    return "sasl_plain" if mechanism == "PLAIN" else "scram"


async def accepted(cluster: Cluster) -> AsyncIterator[Outcome]:
    """Workers with the right secrets."""
    for name in ("SASL", "SASLTLS"):
        for mechanism in MECHANISMS:
            fine = await works(cluster, cluster.sasl(name, mechanism))
            protocol = "TLS" if name == "SASLTLS" else "plain text"
            yield Outcome(_figure(mechanism), f"{mechanism} over {protocol} works", fine)
    fine = await works(cluster, cluster.tls("TLS"))
    yield Outcome("tls", "TLS works", fine)
    fine = await works(cluster, cluster.tls("MUTUAL"))
    yield Outcome("tls", "TLS with a certificate of the worker's own works", fine)


async def refused(cluster: Cluster) -> AsyncIterator[Outcome]:
    """Workers with something wrong."""
    settings = settings_of(cluster)
    await create_topics(settings)
    folder = cluster.folder

    def expect(figure: str, what: str, secure: dict[str, str], *words: str) -> Outcome:
        ended = start_and_end(settings, secure)
        return Outcome(figure, what, ended.refused(*words))

    for mechanism in MECHANISMS:
        right = cluster.sasl("SASL", mechanism)
        where = f"broker {cluster.at('SASL')}"
        wrong = right | {"kafka_sasl_password_file": str(folder / "wrong-password")}
        said = (where, "user worker", mechanism, "wrong-password")
        yield expect(_figure(mechanism), f"{mechanism}, wrong password", wrong, *said)
        other = right | {"kafka_sasl_username": "nobody"}
        yield expect(
            _figure(mechanism), f"{mechanism}, unknown user", other, where, "user nobody", mechanism
        )
    plain = cluster.sasl("SASL", "PLAIN")
    yield expect(
        "sasl_plain",
        "empty password file",
        plain | {"kafka_sasl_password_file": str(folder / "empty")},
        "kafka.sasl_password_file",
        "is empty",
    )
    tls = cluster.tls("TLS")
    yield expect(
        "tls",
        "unknown authority",
        tls | {"kafka_tls_ca_file": str(folder / "other-ca.pem")},
        f"broker {cluster.at('TLS')}",
        "not trusted",
        "OFFBEAT_KAFKA_TLS_CA_FILE",
    )
    yield expect(
        "tls",
        "certificate for another name",
        cluster.tls("OTHERNAME"),
        f"broker {cluster.at('OTHERNAME')}",
        "another host name than 127.0.0.1",
    )
    yield expect(
        "tls",
        "no authority in the file",
        tls | {"kafka_tls_ca_file": str(folder / "empty")},
        "kafka.tls_ca_file",
        "no certificates",
    )
    yield expect(
        "tls",
        "no certificate where one is wanted",
        tls | {"broker": cluster.at("MUTUAL")},
        f"broker {cluster.at('MUTUAL')}",
        "tls_certificate_file",
    )
    protocol = "OFFBEAT_KAFKA_SECURITY_PROTOCOL"
    yield expect("tls", "plain text to TLS", {"broker": cluster.at("TLS")}, protocol)
    yield expect("tls", "TLS to plain text", tls | {"broker": cluster.bootstrap}, protocol)
    yield expect(
        "sasl_plain", "no log-in where one is wanted", {"broker": cluster.at("SASL")}, protocol
    )
    yield expect(
        "sasl_plain", "a log-in where none is", plain | {"broker": cluster.bootstrap}, protocol
    )
