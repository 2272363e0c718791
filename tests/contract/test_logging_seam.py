"""A Faust worker leaves our logging alone when it is told to."""

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest
import structlog

from streams.ops import logs
from streams.settings_groups import Log


@pytest.fixture
def own_logging() -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    logs.configure(Log(), stream)
    yield stream
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


async def test_a_worker_keeps_the_handlers_and_the_standard_streams(
    own_logging: io.StringIO, tmp_path: Path
) -> None:
    app = faust.App("logging-seam", datadir=str(tmp_path), web_enabled=False)
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    before = logging.root.handlers[:], sys.stdout, sys.stderr
    await worker.default_on_first_start()
    assert (logging.root.handlers, sys.stdout, sys.stderr) == before
    logging.getLogger("mode.worker").warning("still here")
    assert '"event":"still here"' in own_logging.getvalue()
