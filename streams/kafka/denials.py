"""A broker's refusal in the middle of work, put into words: what was not allowed, and on what."""

from __future__ import annotations

from collections.abc import Iterator

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.errors import AccessError


def refused(error: BaseException, operation: str) -> AccessError | None:
    """The refusal that is behind `error`, in words; None if there is none.

    `operation`: what was attempted on topics, which Kafka's errors do not say.
    """
    for cause in causes(error):
        if isinstance(cause, TransactionalIdAuthorizationFailed):
            return _not_allowed("Write", "transactional-id", cause)
        if isinstance(cause, GroupAuthorizationFailedError):
            return _not_allowed("Read", "group", cause)
        if isinstance(cause, TopicAuthorizationFailedError):
            return _not_allowed(operation, "topic", cause)
    return None


def _not_allowed(operation: str, resource: str, error: KafkaError) -> AccessError:
    names = error.args[0] if error.args else ()
    listed = [names] if isinstance(names, str) else sorted(map(str, names))
    which = (
        f"{resource} {', '.join(listed)}" if listed else f"a {resource} whose name it does not tell"
    )
    return AccessError(
        f"the broker does not allow this user {operation} on {which}",
        where="Kafka",
        remedy="Have it added: `offbeat topics acls` prints the commands for all that a worker "
        "needs, and a worker that starts names all that it lacks. It goes on from the last commit.",
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, and what it was raised from or amid."""
    passed: set[int] = set()
    seen: BaseException | None = error
    while seen is not None and id(seen) not in passed:  # Faust raises an error from itself
        yield seen
        passed.add(id(seen))
        seen = seen.__cause__ or seen.__context__
