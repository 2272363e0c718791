"""How a worker's process ends: in order and within a bound, or at once, with a code that says why.

A supervisor sees nothing but the exit code (`streams/errors.py`): so neither Faust's own 1, which
says nothing, nor a wait without end may get through.
"""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

import faust

from streams.errors import AccessError, BrokerError, OffbeatError, StopError
from streams.kafka.failures import explained
from streams.ops import logs

UNEXPECTED = 70  # EX_SOFTWARE of sysexits(3)

log = logs.logger(__name__)


def end_process(error: BaseException) -> NoReturn:
    """Stop at once and commit nothing: the next start goes on from the last commit."""
    error = explained(error) or error
    # what is no fault of the program needs no trace: it would hide the message
    trace = None if isinstance(error, AccessError | BrokerError | StopError) else error
    log.error(logs.WORKER_FAILED, error=str(error) or repr(error), exc_info=trace)
    logging.shutdown()
    with suppress(OSError):  # on a disk that is full
        sys.stderr.flush()
    os._exit(error.exit_code if isinstance(error, OffbeatError) else UNEXPECTED)


class BoundedWorker(faust.Worker):  # type: ignore[misc] # without types
    """Faust's worker, that has a bound for its end.

    `stop_seconds` from the signal on, a thread of its own ends the process, whatever it waits for.
    """

    def __init__(self, app: faust.App, *, stop_seconds: float, **options: Any) -> None:
        super().__init__(app, **options)
        self.spinner = None  # it would write to standard output, which may lie on a full disk
        self._stop_seconds = stop_seconds

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        if not self._signal_stop_time:
            bound = threading.Timer(self._stop_seconds, self._end_overdue)
            bound.daemon = True
            bound.start()
        super()._schedule_shutdown(signal)

    def _end_overdue(self) -> None:
        end_process(
            StopError(
                f"asked to end, this worker was not through after {self._stop_seconds:g} s",
                where="worker",
                remedy="What was not committed is done again by the next one. If it happens often, "
                "the broker answers slowly, or stop_seconds is too short.",
            )
        )

    def run(self) -> None:
        """Until a signal, or an error. Exits with 0 or with an exit code of `streams.errors`."""
        try:
            self.execute_from_commandline()
        except SystemExit as ended:
            if ended.code:  # Faust has put its 1 in the place of the error
                end_process(ended.__context__ or ended)
            raise
