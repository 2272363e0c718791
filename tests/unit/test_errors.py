"""The tree of errors is what its drawing says."""

import inspect
import re

import pytest

from streams import errors
from streams.errors import OffbeatError, PermanentError, TransientError

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, OffbeatError)
]


def test_every_error_stands_in_the_drawing_with_its_exit_code() -> None:
    drawing = errors.__doc__ or ""
    for kind in ALL:
        line = next(
            line for line in drawing.splitlines() if re.search(rf"\b{kind.__name__}\b", line)
        )
        code = re.search(r"exit (\d+)", line)
        if code is not None:
            assert int(code[1]) == kind.exit_code
        else:
            assert kind in (OffbeatError, PermanentError, TransientError)


def test_every_error_is_either_permanent_or_transient() -> None:
    for kind in ALL:
        if kind is not OffbeatError:
            assert issubclass(kind, PermanentError) != issubclass(kind, TransientError)


def test_the_exit_code_tells_whether_a_restart_can_help() -> None:
    transient = {kind.exit_code for kind in ALL if issubclass(kind, TransientError)}
    permanent = {kind.exit_code for kind in ALL if issubclass(kind, PermanentError)}
    assert transient.isdisjoint(permanent)


def test_a_message_says_where_what_and_what_to_do() -> None:
    error = errors.InputError(
        "line 3 is not JSON.", where="day.jsonl", remedy="Give one object a line."
    )
    assert str(error) == "day.jsonl: line 3 is not JSON. Give one object a line."


def test_no_error_can_be_made_without_a_remedy() -> None:
    with pytest.raises(TypeError, match="remedy"):
        errors.InputError("line 3 is not JSON")  # type: ignore[call-arg]  # what is tested
