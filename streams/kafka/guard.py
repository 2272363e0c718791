"""Holds a child process by the hand of its parent; run as a program of its own.

    python guard.py [--remove FOLDER] COMMAND…

Starts COMMAND, prints its process id, and waits. When standard input ends, or the parent is gone
(however it went: kill -9 too), the command gets SIGTERM, after ten seconds SIGKILL, and FOLDER is
removed. When the command ends by itself, the folder stays and the guard ends with its exit code.
On Linux the command also dies with the guard.

A process of its own, because what PR_SET_PDEATHSIG means by parent is a thread, and because a
preexec function is only safe in a process without threads. It imports the standard library alone,
so that it starts in some 20 ms and runs without the virtual environment.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_GRACE_SECONDS = 10.0  # Kafka closes its logs in well under a second
_LOOK_SECONDS = 0.1


def main(arguments: list[str]) -> int:
    """Exit code of the command, 128 + n when signal n ended it."""
    parent = os.getppid()
    remove = None
    if arguments[0] == "--remove":
        remove, arguments = arguments[1], arguments[2:]
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_child_of_the_guard,  # noqa: PLW1509  one thread here, see above
    )
    print(child.pid, flush=True)
    while child.poll() is None:
        ended = select.select([0], [], [], _LOOK_SECONDS)[0] and not os.read(0, 1)
        if ended or os.getppid() != parent:
            _stop(child)
            if remove is not None:
                shutil.rmtree(remove, ignore_errors=True)
    code = child.returncode
    return code if code >= 0 else 128 - code


def _child_of_the_guard() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
