"""Why no broker lets us in: aiokafka tells the log and gives up with one error for everything.

So the addresses are tried once more, one by one, and what comes of it is put into words.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streams.errors import AccessError, BrokerError, OffbeatError
from streams.kafka.connection import client_options
from streams.settings import Settings

_ANSWER_MS = 10_000  # a log-in takes milliseconds, SCRAM's hashing included

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h
_OTHER_NAME = (62, 64)


class _Refusal(NamedTuple):
    what: str
    remedy: str


async def refusal(settings: Settings, error: BaseException) -> OffbeatError:
    """The error to raise instead of `error`, with which connecting ended.

    AccessError when a broker is there and the two do not come together, else BrokerError.
    """
    for host, port, _ in collect_hosts(settings.broker):
        reason = await _refusal_at(settings, host, port)
        if reason is not None:
            return reason
    return BrokerError(
        f"no broker answers ({error})",
        where=settings.broker,
        remedy="Start one with `offbeat broker`, or set OFFBEAT_BROKER or --broker to yours.",
    )


async def _refusal_at(settings: Settings, host: str, port: int) -> AccessError | None:
    options: dict[str, Any] = client_options(settings)
    del options["bootstrap_servers"]
    connection = None
    try:
        connection = await create_conn(host, port, request_timeout_ms=_ANSWER_MS, **options)
        await connection.send(MetadataRequest([]))
    except (KafkaError, OSError) as error:
        found = _explained(settings, error, host)
        if found is None:
            return None
        return AccessError(found.what, where=f"broker {host}:{port}", remedy=found.remedy)
    finally:
        if connection is not None:
            with suppress(KafkaError, OSError):
                connection.close()
    return None


def _explained(settings: Settings, error: KafkaError | OSError, host: str) -> _Refusal | None:
    """What was wrong, and the remedy; None when nobody was there to refuse."""
    kafka = settings.kafka
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return _Refusal(
                f"its certificate is for another host name than {host}",
                "Set OFFBEAT_BROKER to a name that stands in the certificate, or have its subject "
                "alternative names mended. Nothing was sent.",
            )
        trusted = kafka.tls_ca_file or "the system's"
        return _Refusal(
            f"its certificate is not trusted ({error.verify_message})",
            "Set OFFBEAT_KAFKA_TLS_CA_FILE to the PEM of the authority that signed it (now: "
            f"{trusted}). Nothing was sent.",
        )
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        place = kafka.sasl_password_file or "OFFBEAT_KAFKA_SASL_PASSWORD"
        return _Refusal(
            f"it refuses the log-in of user {kafka.sasl_username} with {kafka.sasl_mechanism}",
            f"Check OFFBEAT_KAFKA_SASL_USERNAME, the password in {place}, and that the user has a "
            f"password for {kafka.sasl_mechanism} there.",
        )
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return _Refusal(
            f"this listener does not offer a log-in with {kafka.sasl_mechanism}",
            "Set OFFBEAT_KAFKA_SASL_MECHANISM and OFFBEAT_KAFKA_SECURITY_PROTOCOL to what it "
            "offers (sasl.enabled.mechanisms of the broker).",
        )
    if isinstance(error, ConnectionRefusedError | TimeoutError):
        return None
    if isinstance(error, ssl.SSLError | ConnectionError | KafkaConnectionError):
        certificate = (
            "" if kafka.tls_certificate_file else ", or give tls_certificate_file if it wants one"
        )
        return _Refusal(
            f"it ends the connection when spoken to in {kafka.security_protocol}",
            "Set OFFBEAT_KAFKA_SECURITY_PROTOCOL to what this listener speaks (PLAINTEXT, SSL, "
            f"SASL_PLAINTEXT or SASL_SSL){certificate}.",
        )
    return None
