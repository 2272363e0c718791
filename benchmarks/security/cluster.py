"""Apache Kafka with listeners that want a log-in, an authorizer, and certificates made here.

Whoever comes through the plain listener may do everything, and looks after topics and permissions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import trustme
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from streams.kafka.acls import Acl
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.node import Extras, Listener, free_port

USER = "worker"
# with the characters that quoting goes wrong with
SECRET = "s3cret-%d'$=~"  # noqa: S105 (of a broker that lives for seconds)
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
Name = Literal["SASL", "SASLTLS", "TLS", "MUTUAL", "OTHERNAME"]

_MODULES = "org.apache.kafka.common.security"
# Kafka's wire codes of the same words
_RESOURCES = {"topic": 2, "group": 3, "transactional-id": 5}
_OPERATIONS = {"Read": 3, "Write": 4}
_LITERAL, _ALLOW = 3, 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """A broker and what its clients need; `bootstrap` is the plain listener's address."""

    broker: EmbeddedBroker
    ports: dict[Name, int]
    folder: Path

    @property
    def bootstrap(self) -> str:
        """The address through which everything is allowed."""
        return self.broker.bootstrap

    def at(self, name: Name) -> str:
        """The address of a listener."""
        return f"127.0.0.1:{self.ports[name]}"

    def sasl(self, name: Name, mechanism: str) -> dict[str, str]:
        """Settings of a worker that logs in there, the password from its file."""
        tls = name == "SASLTLS"
        return {
            "broker": self.at(name),
            "kafka_security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": mechanism,
            "kafka_sasl_username": USER,
            "kafka_sasl_password_file": str(self.folder / "password"),
            **({"kafka_tls_ca_file": str(self.folder / "ca.pem")} if tls else {}),
        }

    def tls(self, name: Name) -> dict[str, str]:
        """Settings of a worker that trusts the broker there, and shows a certificate if wanted."""
        own = {
            "kafka_tls_certificate_file": str(self.folder / "worker.pem"),
            "kafka_tls_key_file": str(self.folder / "worker.key"),
        }
        return {
            "broker": self.at(name),
            "kafka_security_protocol": "SSL",
            "kafka_tls_ca_file": str(self.folder / "ca.pem"),
            **(own if name == "MUTUAL" else {}),
        }

    async def allow(self, wanted: Iterable[Acl]) -> None:
        """Add these permissions for the worker's user."""
        async with self._client() as send:
            for acl in wanted:
                response = await send(CreateAclsRequest(*_coded(acl)))
                assert response.creation_responses[0][0] == 0, response

    async def withdraw(self, unwanted: Iterable[Acl]) -> None:
        """Remove these permissions."""
        async with self._client() as send:
            for acl in unwanted:
                response = await send(DeleteAclsRequest(*_coded(acl)))
                (removed,) = response.filter_responses
                assert removed[0] == 0, response
                assert len(removed[2]) == 1, response

    @asynccontextmanager
    async def _client(self) -> Any:
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap)
        await client.bootstrap()
        try:
            yield lambda request: client.send(client.get_random_node(), request)
        finally:
            await client.close()


def _coded(acl: Acl) -> tuple[int, str, int, str, str, int, int]:
    resource, operation = _RESOURCES[acl.resource], _OPERATIONS[acl.operation]
    return resource, acl.name, _LITERAL, f"User:{USER}", "*", operation, _ALLOW


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Certificates, then the broker; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="offbeat-security-") as name:
        folder = Path(name)
        _write_secrets(folder)
        ports: dict[Name, int] = {}
        listeners = []
        for one in _listeners(folder):
            listeners.append(one)
            ports[one.name] = one.port  # type: ignore[index] # the names are those of Name
        extras = Extras(
            listeners,
            {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found": "false",
                # logs are compacted and segments deleted as soon as they may be
                "log.cleaner.backoff.ms": "200",
                "log.retention.check.interval.ms": "500",
                "log.initial.task.delay.ms": "500",
                "super.users": "User:ANONYMOUS",  # the plain listener, the controller's among them
            },
            [f"{mechanism}=[name={USER},password={SECRET}]" for mechanism in MECHANISMS[1:]],
        )
        with EmbeddedBroker(extras=extras) as broker:
            yield Cluster(broker, ports, folder)


def _write_secrets(folder: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "other-ca.pem")
    here = authority.issue_cert("127.0.0.1", "localhost")
    elsewhere = authority.issue_cert("kafka.example.com")
    for name, certificate in (("broker", here), ("elsewhere", elsewhere)):
        chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        (folder / f"{name}.pem").write_bytes(_pkcs8(certificate.private_key_pem.bytes()) + chain)
    worker = authority.issue_cert("worker@example.com", common_name=USER)
    worker.private_key_pem.write_to_path(folder / "worker.key")
    worker.cert_chain_pems[0].write_to_path(folder / "worker.pem")
    (folder / "password").write_text(f"{SECRET}\n")
    (folder / "wrong-password").write_text(f"not-{SECRET}\n")
    (folder / "empty").touch()


def _pkcs8(pem: bytes) -> bytes:
    """The same key in the only form that Kafka reads."""
    key = load_pem_private_key(pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _listeners(folder: Path) -> Iterator[Listener]:
    plain = f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{SECRET}";'
    scram = f"{_MODULES}.scram.ScramLoginModule required;"
    sasl = {
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "plain.sasl.jaas.config": plain,
        "scram-sha-256.sasl.jaas.config": scram,
        "scram-sha-512.sasl.jaas.config": scram,
    }
    tls = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(folder / "broker.pem")}
    mutual = {
        "ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
    }
    other = tls | {"ssl.keystore.location": str(folder / "elsewhere.pem")}
    yield Listener("SASL", free_port(), "SASL_PLAINTEXT", sasl)
    yield Listener("SASLTLS", free_port(), "SASL_SSL", sasl | tls)
    yield Listener("TLS", free_port(), "SSL", tls)
    yield Listener("MUTUAL", free_port(), "SSL", tls | mutual)
    yield Listener("OTHERNAME", free_port(), "SSL", other)
