"""What Kafka's clients raise, as errors that say what to do: an exit code must mean something."""

from __future__ import annotations

from collections.abc import Iterator

from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    CorruptRecordException,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NoBrokersAvailable,
    NodeNotReadyError,
    NotCoordinatorError,
    NotCoordinatorForGroupError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    ProducerFenced,
    RecordListTooLargeError,
    RequestTimedOutError,
    StaleMetadata,
)

from streams.errors import (
    BrokerError,
    CorruptError,
    FencedError,
    OffbeatError,
    TopicsError,
    TransactionError,
)
from streams.kafka.denials import causes, refused

_AWAY = (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NoBrokersAvailable,
    NotCoordinatorError,
    NotCoordinatorForGroupError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    StaleMetadata,
    ConnectionError,
    TimeoutError,
)
_FENCED = (ProducerFenced, InvalidProducerEpoch)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def explained(error: BaseException, operation: str = "Read") -> OffbeatError | None:
    """The error of `streams.errors` that is `error`, or behind it; None if there is none.

    `operation`: what was attempted on topics, for a refusal.
    """
    if denial := refused(error, operation):
        return denial
    for cause in _grounds(error):
        if isinstance(cause, OffbeatError):
            return cause
        if isinstance(cause, CorruptRecordException):
            return corrupt(str(cause) or "a record batch has a wrong checksum", "Kafka")
        if isinstance(cause, _AWAY):
            return BrokerError(
                f"no answer, or not in time ({_said(cause)})",
                where="Kafka",
                remedy="Look after the broker and the way there. "
                "A restart goes on from the last commit.",
            )
    return None


def of_transaction(error: BaseException, transactional_id: str) -> OffbeatError | None:
    """The same for an error that ended a transaction: all of Kafka's errors are known there."""
    if any(isinstance(cause, _FENCED) for cause in causes(error)):
        return FencedError(
            "another worker owns the partition now, or the transaction took too long",
            where=transactional_id,
            remedy="Nothing was written twice. If it happens often, this worker pauses for longer "
            "than kafka.session_timeout_seconds or kafka.transaction_timeout_seconds: give it "
            "memory and CPU, or raise these.",
        )
    if any(isinstance(cause, _TOO_LARGE) for cause in causes(error)):
        return TopicsError(
            f"the broker does not take a record of this size ({_said(error)})",
            where=transactional_id,
            remedy="Raise max.message.bytes of the output topics to Kafka's default or more.",
        )
    if known := explained(error, "Write"):
        return known
    if isinstance(error, KafkaError):
        return TransactionError(
            f"the broker did not take the transaction ({_said(error)})",
            where=transactional_id,
            remedy="Nothing of it is visible, and a restart goes on from the last commit. "
            "If it stays, the broker's log says why.",
        )
    return None


def corrupt(what: str, where: str) -> CorruptError:
    """The error for a log that does not read well however often it is fetched."""
    return CorruptError(
        what,
        where=where,
        remedy="It was fetched again and stays so. Restore the partition from a replica that reads "
        "well (take the damaged log from its broker, and it is copied anew), or, if there is none, "
        "set the group's offsets behind it and know that those events are lost.",
    )


def _grounds(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it was raised from; not what it was raised amid, which may be no ground."""
    while True:
        yield error
        if error.__cause__ is None or error.__cause__ is error:
            return
        error = error.__cause__


def _said(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    return text if name in text else f"{name}: {text}" if text else name
