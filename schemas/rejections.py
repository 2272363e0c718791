"""A refused record: the reason, where in the record, and what would be accepted instead."""

import re
from functools import cache

import msgspec

from schemas.dead_letters import RejectReason
from schemas.events import INCOMING

_AT = re.compile(r" - at `(.*)`$")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_TYPE = re.compile(r"Expected `(.*)`, got `(.*?)`")
_ENUM = "Invalid enum value "
_TIMES = {"event_time", "due_time", "signed_up"}
_SHOWN = 64  # characters of a producer's value that a message repeats


class Rejected(Exception):
    """A record that is not an event.

    >>> str(Rejected(RejectReason.MISSING_FIELD, "$.amount", "is missing", "a number"))
    '$.amount is missing; accepted: a number'
    """

    def __init__(self, reason: RejectReason, path: str, problem: str, accepted: str) -> None:
        super().__init__(f"{path} {problem}; accepted: {accepted}")
        self.reason = reason
        self.path = path


def missing_field(error: msgspec.ValidationError) -> str | None:
    """The required field of the outermost object that is not there, if that is what is wrong."""
    match = _MISSING.fullmatch(str(error))
    return match[1] if match else None


def refused(name: str, error: msgspec.ValidationError, root: str = "$") -> Rejected:
    """What msgspec's words mean for an event of the input `name` that stands at `root`.

    msgspec has one exception for all of them and tells them apart in its text alone; a test holds
    every text, so that a version with others shows.
    """
    words = str(error)
    at = _AT.search(words)
    path = root + at[1].removeprefix("$") if at else root
    words = words[: at.start()] if at else words
    if missing := _MISSING.fullmatch(words):
        path = f"{path}.{missing[1]}"
        return Rejected(RejectReason.MISSING_FIELD, path, "is missing", accepted(name, path))
    expected = accepted(name, path)
    if words.startswith(_ENUM):
        value = words.removeprefix(_ENUM)[:_SHOWN]
        return Rejected(RejectReason.UNKNOWN_VALUE, path, f"is {value}", expected)
    if wrong := _TYPE.fullmatch(words):
        return Rejected(
            RejectReason.WRONG_TYPE, path, f"is of type {wrong[2]}", expected or wrong[1]
        )
    if path.rpartition(".")[2] in _TIMES:
        return Rejected(RejectReason.INVALID_TIME, path, "lies beyond the year 9999", expected)
    return Rejected(RejectReason.OUT_OF_BOUNDS, path, f"is out of bounds ({words})", expected)


def malformed(error: Exception, path: str = "value") -> Rejected:
    """Bytes that no JSON decoder takes, nested too deeply included."""
    reason = RejectReason.MALFORMED_JSON
    return Rejected(reason, path, f"is not JSON ({str(error)[:200]})", "one JSON object in UTF-8")


def accepted(name: str, path: str) -> str:
    """What the field at the end of `path` may hold; empty for what is no field of that input."""
    return _descriptions(name).get(path.rpartition(".")[2], "")


@cache
def _descriptions(name: str) -> dict[str, str]:
    event = INCOMING[name]
    _, definitions = msgspec.json.schema_components([event])
    properties = definitions[event.__name__]["properties"]
    return {
        field: schema.get("description") or ", ".join(schema["enum"])
        for field, schema in properties.items()
    }
