"""What a line of the log looks like, whoever wrote it."""

import ast
import inspect
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from streams.ops import logs
from streams.settings import Settings
from streams.settings_groups import Log

ROOT = Path(__file__).parents[2]
EVENTS = {k: v for k, v in inspect.getmembers(logs) if k.isupper() and k[0] != "_"}
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
# What a line may tell. No customer and no part of a record is among it, hashed or not: a hash of an
# id that can be guessed is the id. Whoever adds a field has to see that it cannot hold one.
FIELDS = {
    *("topic", "partition", "partitions", "gone", "offset", "process", "pids", "exit_code"),
    *("seconds", "since", "until", "reason", "reasons", "finding", "error", "exc_info"),
    *("customers", "events", "labels", "restarted", "lost", "version", "number", "gaps", "gain"),
    *("broker", "group", "inputs", "pages", "kind", "where"),
}


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """The root logger and structlog as they were, afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_fields() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    logs.logger("streams.x").info(logs.PARTITION_RECOVERED, partition=3, alerts=2)
    (line,) = lines(stream)
    assert line.pop("wall_time").endswith("Z")
    assert line == {
        "event": "partition.recovered",
        "level": "info",
        "logger": "streams.x",
        "partition": 3,
        "alerts": 2,
    }


def test_what_faust_and_aiokafka_write_becomes_json_too() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    logging.getLogger("faust.worker").warning("Ready on %s", "port")
    logging.getLogger("aiokafka.cluster").warning("broker %d is gone", 3, extra={"node": 3})
    faust, aiokafka = lines(stream)
    assert (faust["event"], faust["logger"], faust["level"]) == (
        "Ready on port",
        "faust.worker",
        "warning",
    )
    assert (aiokafka["event"], aiokafka["node"]) == ("broker 3 is gone", 3)


def test_an_error_brings_its_traceback_in_the_same_line() -> None:
    stream = io.StringIO()
    logs.configure(Log(), stream)
    try:
        float("boom")
    except ValueError:
        logs.logger("x").exception(logs.WORKER_FAILED)
    (line,) = lines(stream)
    assert "ValueError: could not convert string" in line["exception"]


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    logs.configure(Log(level="warning"), stream)
    logs.logger("x").info(logs.WORKER_STARTED)
    logging.getLogger("faust").info("hello")
    assert stream.getvalue() == ""


def test_libraries_that_chatter_are_heard_only_when_asked_for() -> None:
    stream = io.StringIO()
    logs.configure(Log(level="info"), stream)
    logging.getLogger("aiokafka.consumer").info("position 17")
    assert stream.getvalue() == ""
    logs.configure(Log(level="debug"), stream)
    logging.getLogger("aiokafka.consumer").info("position 17")
    assert len(lines(stream)) == 1


def test_a_console_gets_a_line_for_people() -> None:
    stream = io.StringIO()
    logs.configure(Log(format="console"), stream)
    logs.logger("x").info(logs.MODEL_PUBLISHED, version=7)
    assert "model.published" in stream.getvalue()
    assert "version=7" in stream.getvalue()


def test_configuring_twice_does_not_write_twice() -> None:
    stream = io.StringIO()
    logs.configure(Settings().log, stream)
    logs.configure(Settings().log, stream)
    logs.logger("x").info(logs.WORKER_STARTED)
    assert len(lines(stream)) == 1


def test_what_would_write_whole_requests_does_not_at_any_level() -> None:
    stream = io.StringIO()
    logs.configure(Log(level="debug"), stream)
    for name in ("aiokafka.conn", "aiokafka.producer.producer"):
        logging.getLogger(name).debug("Request: c-81")
    logging.getLogger("aiokafka.consumer").debug("seek")
    assert "c-81" not in stream.getvalue()
    assert "seek" in stream.getvalue()


def calls() -> list[tuple[str, ast.Call]]:
    """Where each line of the log is written: file and line, and the call."""
    found = []
    for path in sorted((ROOT / "streams").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=attr)) if (
                    attr in LEVELS
                ):
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return found


CALLS = calls()


def test_event_names_are_dotted_and_different() -> None:
    names = list(EVENTS.values())
    assert names
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in names)


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[where for where, _ in CALLS])
def test_every_line_of_the_log_names_an_event_of_the_catalogue(where: str, call: ast.Call) -> None:
    (event,) = call.args
    assert isinstance(event, ast.Attribute), f"{where}: use a constant of streams.ops.logs"
    assert isinstance(event.value, ast.Name)
    assert event.value.id == "logs"
    assert event.attr in EVENTS


@pytest.mark.parametrize(("where", "call"), CALLS, ids=[where for where, _ in CALLS])
def test_no_line_of_the_log_has_room_for_a_customer_s_id(where: str, call: ast.Call) -> None:
    named = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    assert named <= FIELDS, f"{where}: {sorted(named - FIELDS)}"
    # counts by reason, and places and times put together a line above
    spread = {ast.unparse(k.value) for k in call.keywords if k.arg is None}
    assert spread <= {"reasons", "fields", "times"}, where


def test_every_event_is_written_somewhere_and_explained_in_the_docs() -> None:
    written = {call.args[0].attr for _, call in CALLS if isinstance(call.args[0], ast.Attribute)}
    assert written == EVENTS.keys()
    page = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in EVENTS.values() if f"`{name}`" not in page] == []


def test_nobody_writes_to_a_log_of_another_name() -> None:
    allowed = {"streams/ops/logs.py", "streams/sources/kafka.py"}  # the latter silences a library
    for path in sorted((ROOT / "streams").rglob("*.py")):
        text = path.read_text()
        if str(path.relative_to(ROOT)) not in allowed:
            assert "getLogger" not in text, path
            assert "get_logger" not in text, path
