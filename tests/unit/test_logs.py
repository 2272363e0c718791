"""What a line of the log looks like, whoever wrote it."""

import inspect
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from streams.ops import logs
from streams.settings import Settings
from streams.settings_groups import Log


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


def test_event_names_are_dotted_and_different() -> None:
    names = [value for name, value in inspect.getmembers(logs) if name.isupper() and name[0] != "_"]
    assert names
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in names)
