"""How every client of this process connects: one translation of the settings.

It serves aiokafka and Faust.
"""

import ssl
from typing import Any

import faust

from streams.errors import ConfigurationError
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
    """The SASL password, from its file or from the environment. Raises ConfigurationError."""
    path = settings.kafka.sasl_password_file
    if path is None:
        secret = settings.kafka.sasl_password
        return secret.get_secret_value() if secret is not None else None
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # a UnicodeDecodeError would show bytes of the secret
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _unusable("sasl_password_file", f"{path} cannot be read: {reason}") from None
    if not text:
        raise _unusable("sasl_password_file", f"{path} is empty")
    return text


def _tls(settings: Settings) -> ssl.SSLContext | None:
    kafka = settings.kafka
    if not kafka.security_protocol.endswith("SSL"):
        return None
    try:  # these authorities only, not those of the system beside them
        context = ssl.create_default_context(cafile=kafka.tls_ca_file)
    except OSError as error:
        what = f"{kafka.tls_ca_file} holds no certificates in PEM ({_reason(error)})"
        raise _unusable("tls_ca_file", what) from None
    if kafka.tls_certificate_file is not None:
        try:
            context.load_cert_chain(
                kafka.tls_certificate_file,
                kafka.tls_key_file,
                password=lambda: "",  # else OpenSSL asks on the terminal, and a service hangs
            )
        except OSError as error:
            what = (
                f"{kafka.tls_certificate_file} and {kafka.tls_key_file} are no certificate with "
                f"its own key without a pass phrase, both in PEM ({_reason(error)})"
            )
            raise _unusable("tls_certificate_file", what) from None
    return context


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or "not readable"
    return str(reason)


def _unusable(name: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        what, where=f"kafka.{name}", remedy=f"Mend the file, or set OFFBEAT_KAFKA_{name.upper()}."
    )
