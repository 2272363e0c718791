"""Every error that offbeat raises on purpose, as one tree.

    OffbeatError
    ├── PermanentError          the same input fails the same way: something has to be changed
    │   ├── ConfigurationError  a setting, a flag, an installation   exit 78 (EX_CONFIG)
    │   ├── AccessError         log-in, certificate or permission   exit 78 (EX_CONFIG)
    │   ├── TopicsError         topics missing, or not as specified  exit 78 (EX_CONFIG)
    │   ├── InputError          a file or record given by the user   exit 65 (EX_DATAERR)
    │   ├── DeadLettersError    most of what is read cannot be used  exit 76 (EX_PROTOCOL)
    │   ├── CorruptError        a log whose checksum stays wrong     exit 74 (EX_IOERR)
    │   ├── StateError          recovered state is not what was saved  exit 70 (EX_SOFTWARE)
    │   └── SeamError           a seam of Faust or aiokafka has moved  exit 70 (EX_SOFTWARE)
    └── TransientError          a restart goes on from the last commit
        ├── BrokerError         no broker answers, or not in time    exit 69 (EX_UNAVAILABLE)
        ├── TransactionError    a checkpoint was not committed       exit 75 (EX_TEMPFAIL)
        ├── FencedError         another worker owns the partition    exit 75 (EX_TEMPFAIL)
        ├── GapError            fetched positions do not follow      exit 75 (EX_TEMPFAIL)
        ├── StalledError        lag, and no progress                 exit 75 (EX_TEMPFAIL)
        └── StopError           asked to end, and not through        exit 75 (EX_TEMPFAIL)

A message has three parts: what was wrong, where, and what to do next. A supervisor restarts after
any exit; the exit code tells an operator's alert whether a restart can help (69, 75) or not.
The codes are those of BSD's sysexits(3).
"""

from typing import ClassVar


class OffbeatError(Exception):
    """The root. `what` was wrong, `where` (may be empty), and the `remedy`: what to do next.

    >>> str(InputError("line 3 is not JSON", where="day.jsonl", remedy="Give one object a line."))
    'day.jsonl: line 3 is not JSON. Give one object a line.'
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, where: str = "", remedy: str) -> None:
        super().__init__(what)
        self.what = what.rstrip(".")
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        stop = "" if self.what.endswith("?") else "."
        return f"{place}{self.what}{stop} {self.remedy}"


class PermanentError(OffbeatError):
    """Trying again changes nothing."""


class ConfigurationError(PermanentError):
    """A setting is unknown or not acceptable, or a part that the command needs is not installed."""

    exit_code = 78


class AccessError(PermanentError):
    """The broker does not let us in, we do not trust it, or it does not allow what is needed."""

    exit_code = 78


class TopicsError(PermanentError):
    """A topic is missing, or its partitions or policies differ from its spec."""

    exit_code = 78


class InputError(PermanentError):
    """What the user gave to read cannot be read."""

    exit_code = 65


class DeadLettersError(PermanentError):
    """More of an input's last records are dead letters than the limit allows."""

    exit_code = 76


class CorruptError(PermanentError):
    """A record batch has a wrong checksum or form, however often it is fetched."""

    exit_code = 74


class StateError(PermanentError):
    """The state that was recovered is not the state that was committed."""


class SeamError(PermanentError):
    """A library is not the version whose private parts this code was written for."""


class TransientError(OffbeatError):
    """The world was in the way; nothing was committed that a restart would not continue from."""

    exit_code = 75


class BrokerError(TransientError):
    """No broker answers at the address, or it did not answer in time."""

    exit_code = 69


class TransactionError(TransientError):
    """The broker did not take a transaction; nothing of it is visible."""


class FencedError(TransientError):
    """A newer owner of the partition has started its producer; this process must stop writing."""


class GapError(TransientError):
    """A batch starts after the position that the partition has reached."""


class StalledError(TransientError):
    """There is lag, and nothing has been applied for longer than the bound."""


class StopError(TransientError):
    """The worker was asked to end and was not through within the bound."""
