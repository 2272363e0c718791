"""How every client of this process connects: one translation of the settings.

It serves aiokafka and Faust.
"""

import ssl
from typing import Any

import faust
from aiokafka.helpers import create_ssl_context

from streams.settings import Settings


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for AIOKafkaConsumer, AIOKafkaProducer and AIOKafkaAdminClient alike."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.broker,
        "security_protocol": settings.kafka.security_protocol,
        "ssl_context": _tls(settings),
    }
    if settings.kafka.sasl_mechanism:
        options |= {
            "sasl_mechanism": settings.kafka.sasl_mechanism,
            "sasl_plain_username": settings.kafka.sasl_username,
            "sasl_plain_password": password(settings),
        }
    return options


def faust_credentials(settings: Settings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """The same for Faust's own consumer and producer; None for a plain connection."""
    context = _tls(settings)
    if settings.kafka.sasl_mechanism:
        return faust.SASLCredentials(
            username=settings.kafka.sasl_username,
            password=password(settings),
            mechanism=settings.kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def password(settings: Settings) -> str | None:
    """The SASL password, from its file or from the environment."""
    if settings.kafka.sasl_password_file is not None:
        return settings.kafka.sasl_password_file.read_text().rstrip("\r\n")
    secret = settings.kafka.sasl_password
    return secret.get_secret_value() if secret is not None else None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    kafka = settings.kafka
    if not kafka.security_protocol.endswith("SSL"):
        return None
    context: ssl.SSLContext = create_ssl_context(
        cafile=kafka.tls_ca_file, certfile=kafka.tls_certificate_file, keyfile=kafka.tls_key_file
    )
    return context
