"""What Kafka's clients raise, by what a supervisor has to know of it."""

import aiokafka.errors as kafka
import pytest

from streams.errors import (
    AccessError,
    BrokerError,
    CorruptError,
    FencedError,
    OffbeatError,
    StateError,
    TopicsError,
    TransactionError,
)
from streams.kafka.failures import explained, of_transaction


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kafka.KafkaConnectionError("no connection"), BrokerError),
        (kafka.RequestTimedOutError(), BrokerError),
        (kafka.KafkaTimeoutError(), BrokerError),
        (kafka.CoordinatorLoadInProgressError(), BrokerError),
        (TimeoutError(), BrokerError),
        (ConnectionResetError(), BrokerError),
        (kafka.CorruptRecordException("Invalid CRC - t[0]"), CorruptError),
        (kafka.TopicAuthorizationFailedError("t"), AccessError),
        (StateError("x", remedy="y."), StateError),
        (kafka.KafkaError("odd"), None),
        (ValueError("a bug"), None),
    ],
)
def test_an_error_of_a_client_is_one_of_ours(
    error: BaseException, kind: type[OffbeatError] | None
) -> None:
    found = explained(error)
    assert (type(found) if found else None) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kafka.KafkaError("odd"), TransactionError),
        (kafka.InvalidTxnState(), TransactionError),
        (kafka.ProducerFenced(), FencedError),
        (kafka.InvalidProducerEpoch(), FencedError),
        (kafka.KafkaTimeoutError(), BrokerError),
        (kafka.NotEnoughReplicasError(), BrokerError),
        (kafka.MessageSizeTooLargeError(), TopicsError),
        (kafka.TransactionalIdAuthorizationFailed("g-0"), AccessError),
        (AssertionError(), None),
    ],
)
def test_an_error_of_a_transaction_says_whether_a_restart_can_help(
    error: BaseException, kind: type[OffbeatError] | None
) -> None:
    found = of_transaction(error, "g-0")
    assert (type(found) if found else None) is kind


def test_what_an_error_was_raised_from_counts_and_what_it_was_raised_amid_does_not() -> None:
    cause = kafka.KafkaConnectionError("gone")
    raised = RuntimeError("crashed")
    raised.__cause__ = cause
    assert isinstance(explained(raised), BrokerError)
    bug = ValueError("a bug in what handles the timeout")
    bug.__context__ = TimeoutError()
    assert explained(bug) is None


def test_an_error_that_was_raised_from_itself_ends_the_search() -> None:
    error = ValueError("as Faust raises it")
    error.__cause__ = error
    assert explained(error) is None
