"""Logs: one JSON object a line (or colours on a terminal), events named by dotted constants.

Everything goes through here: offbeat's own events by structlog, and what Faust, aiokafka and
asyncio write by the standard library. A Faust worker must be made with `override_logging=False`
and `redirect_stdouts=False`, or it puts its own handlers in place of these.

No customer id enters a log.
"""

import logging
import sys
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor

from streams.settings_groups import Log

PROCESSES_IDLE = "processes.idle"
TOPICS_CHECKED = "topics.checked"
KERNELS_LOADED = "kernels.loaded"
WORKER_STARTED = "worker.started"
WORKER_FAILED = "worker.failed"
WORKERS_STARTED = "workers.started"
WORKER_ENDED = "worker.ended"
TOPICS_WARNING = "topics.warning"
PARTITIONS_ASSIGNED = "partitions.assigned"
PARTITION_RECOVERED = "partition.recovered"
SOURCE_OUT = "source.out"
SOURCE_BACK = "source.back"
FETCH_CORRUPT = "fetch.corrupt"
DEAD_LETTERS_FOUND = "dead_letters.found"
EVENTS_REROUTED = "events.rerouted"
CUSTOMERS_ERASED = "customers.erased"
MODEL_PUBLISHED = "model.published"
MODEL_ADOPTED = "model.adopted"
MODEL_REJECTED = "model.rejected"
TRAINER_RESTARTED = "trainer.restarted"
PARAMETERS_PROPOSED = "parameters.proposed"
REFIT_FAILED = "refit.failed"
MODEL_DRIFTED = "model.drifted"
EXAMPLES_SKIPPED = "examples.skipped"
CONSOLE_REFUSED = "console.refused"
CONSOLE_FAILED = "console.failed"
FEEDBACK_RECORDED = "feedback.recorded"
FEEDBACK_FAILED = "feedback.failed"

# At INFO, aiokafka tells of every fetch position and group step, asyncio of every slow callback,
# Faust and mode of every service that starts; offbeat has events of its own for what matters.
_CHATTY = ("aiokafka", "asyncio", "numba", "faust", "mode")
# At DEBUG they write whole requests and answers, the events in them too.
_TELLING = ("aiokafka.conn", "aiokafka.producer")


def configure(log: Log, stream: TextIO | None = None, process: int | None = None) -> None:
    """Route all logging of the process to `stream` (stderr) at `log.level`, as `log.format` says.

    Each line bears the number of the `process`, where there are several (`streams.supervisor`).
    May be called again; the last call holds.
    """
    target = stream if stream is not None else sys.stderr
    as_json = log.format == "json" or (log.format == "auto" and not target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="wall_time"),
    ]
    if process is not None:
        shared.append(_numbered(process))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, _render_json]
        if as_json
        else [structlog.dev.ConsoleRenderer(timestamp_key="wall_time", colors=target.isatty())]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    level = logging.getLevelNamesMapping()[log.level.upper()]
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > 10 else level)
    for name in _TELLING:
        logging.getLogger(name).setLevel(
            max(level, logging.WARNING if level > 10 else logging.INFO)
        )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for events with fields: `log.info(PARTITION_RECOVERED, partition=3)`."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def _numbered(process: int) -> Processor:
    def add(_: Any, __: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    return add


def _render_json(_: Any, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_SERIALIZE_NUMPY).decode()
