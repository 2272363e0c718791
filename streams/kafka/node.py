"""One Kafka node as a process: its properties, its folder, its start and its end.

folder/  server.properties · broker.log · data/ (Kafka's) · tmp/ (native libraries)
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from streams.errors import BrokerError
from streams.kafka import guard

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # one node: nothing to replicate to, and few partitions to open at the first consumer
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    # how often the broker looks for transactions that have timed out; 10 s by default
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",  # so that a test need not wait long for a dead worker
    # after a kill the node must outwait its own session (9 s by default) before it is let in again
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.retention.ms": "-1",  # replayed records carry times of years ago
    "log.cleaner.dedupe.buffer.size": str(16 << 20),  # 128 MB by default, a quarter of the heap
}
# 512 MB is what a node needs under full load; a collector with one thread suits two cores.
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_READY_SECONDS = 60.0  # 1–3 s when idle; the cores may be busy with the rest of a test run
_END_SECONDS = 60.0  # 0.3 s when idle; the guard itself gives up on an orderly end after 10
# Below the ports that Linux (32768–) and macOS (49152–) give to outgoing connections, so that a
# node that was killed finds its port free again.
_PORTS = range(20_000, 32_768)
# ApiVersions v0 (key 18), correlation id 1, no client id: the first request that gets an answer.
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)


@dataclass(frozen=True, slots=True)
class Java:
    """How to run Kafka's classes: the runtime, the class path and more options."""

    program: Path
    class_path: str
    options: tuple[str, ...] = ()

    def command(self, folder: Path, *arguments: str) -> list[str]:
        """The command line for a main class and its arguments."""
        own = f"-Djava.io.tmpdir={folder / 'tmp'}"
        return [str(self.program), *_JVM, *self.options, own, "-cp", self.class_path, *arguments]


@dataclass(frozen=True, slots=True)
class Listener:
    """One more address that a node answers at, on the loopback.

    `name` is in capital letters; `properties` are the listener's own, without Kafka's prefix
    `listener.name.<name>.` for them.
    """

    name: str
    port: int
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a node has beside the plain listener that it is looked after through.

    scram: users made when the data folder is formatted, as kafka-storage's --add-scram takes them:
    `SCRAM-SHA-256=[name=alice,password=…]`.
    """

    listeners: Sequence[Listener] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    scram: Sequence[str] = ()
    cluster: str = ""  # id of the cluster that the node is of; one of its own unless given


NOTHING_MORE = Extras()


@dataclass(frozen=True, slots=True)
class Node:
    """A running node; `pid` is Java's. Made by `launch`."""

    pid: int
    guard: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def launch(
        cls, java: Java, folder: Path, port: int, *, remove: bool, extras: Extras = NOTHING_MORE
    ) -> Self:
        """Starts a node over `folder` and returns when it answers requests.

        With `remove` the folder is gone after `close`, and when this process dies.
        Raises BrokerError with the end of the log.
        """
        if not _is_free(port):  # else whoever is there would be taken for this node
            raise BrokerError(
                "the port is taken",
                where=f"127.0.0.1:{port}",
                remedy="Give another one (--port 0 takes a free one), or use what is there.",
            )
        properties = _prepare(java, folder, port, extras)
        log = folder / "broker.log"
        options = ["--remove", str(folder)] if remove else []
        command = java.command(folder, "kafka.Kafka", str(properties))
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *options, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us: we end the node when we are through
            )
        pid = process.stdout.readline() if process.stdout else b""
        node = cls(int(pid or 0), process, log)
        try:
            node._await_ready(port)
        except BaseException:
            node.close()
            raise
        return node

    def end(self, number: signal.Signals) -> None:
        """Signals Java and waits for its end; the folder stays, whatever `remove` was."""
        with contextlib.suppress(ProcessLookupError):  # dead already is as good
            os.kill(self.pid, number)
        self.guard.wait(_END_SECONDS)
        self.guard.communicate()

    def wait(self) -> None:
        """Waits for ever; raises BrokerError when Kafka ends by itself."""
        raise failed(f"Kafka ended by itself, exit code {self.guard.wait()}", self.log)

    def close(self) -> None:
        """An orderly end, by the guard."""
        self.guard.communicate(timeout=_END_SECONDS)

    def _await_ready(self, port: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(port):
            if self.guard.poll() is not None:
                raise failed(f"Kafka did not start, exit code {self.guard.returncode}", self.log)
            if time.monotonic() > deadline:
                raise failed(f"Kafka did not answer within {_READY_SECONDS:g} s", self.log)
            time.sleep(0.02)


def free_port() -> int:
    """A port that nothing listens on now, outside the range of outgoing connections."""
    for port in random.sample(_PORTS, 100):
        if _is_free(port):
            return port
    raise BrokerError("no port is free from 20000 to 32767", where="127.0.0.1", remedy="Free some.")


def failed(what: str, log: Path) -> BrokerError:
    """The error for a node that does not start, with the end of its log."""
    lines = log.read_text(errors="replace").splitlines()
    tail = "\n".join([line for line in lines if not line.startswith("\tat ")][-8:])
    return BrokerError(
        what,
        where="embedded broker",
        remedy=f"Set OFFBEAT_BROKER=host:port to a broker you have, or mend this:\n{tail}",
    )


def cluster_id() -> str:
    """A new one, as Kafka writes them."""
    return urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # connections of a node that was killed may still fade away on its port: that is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _prepare(java: Java, folder: Path, port: int, extras: Extras) -> Path:
    for name in ("data", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    controller = free_port()
    properties = PROPERTIES | {
        **_listeners(port, controller, extras.listeners),
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(folder / "data"),
        **extras.properties,
    }
    path = folder / "server.properties"
    path.write_text(
        "".join(f"{key}={value}\n" for key, value in properties.items()), encoding="utf-8"
    )
    if not (folder / "data" / "meta.properties").exists():
        _format(java, folder, path, extras)
    return path


def _listeners(port: int, controller: int, more: Sequence[Listener]) -> dict[str, str]:
    plain = Listener("PLAINTEXT", port, "PLAINTEXT")
    advertised = ",".join(f"{one.name}://127.0.0.1:{one.port}" for one in (plain, *more))
    protocols = "".join(f",{one.name}:{one.protocol}" for one in more)
    own = {
        f"listener.name.{one.name.lower()}.{key}": value
        for one in more
        for key, value in one.properties.items()
    }
    return {
        "listeners": f"{advertised},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": PROPERTIES["listener.security.protocol.map"] + protocols,
        **own,
    }


def _format(java: Java, folder: Path, properties: Path, extras: Extras) -> None:
    cluster = extras.cluster or cluster_id()
    command = java.command(
        folder,
        "kafka.tools.StorageTool",
        "format",
        f"--config={properties}",
        f"--cluster-id={cluster}",  # one in 64 begins with a dash: it must not stand by itself
        *(f"--add-scram={user}" for user in extras.scram),
    )
    log = folder / "broker.log"
    with log.open("ab") as output:
        code = subprocess.run(command, stdout=output, stderr=output, check=False).returncode
    if code:
        raise failed(f"formatting the data folder ended with exit code {code}", log)


def _answers(port: int) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), 1) as connection,
    ):
        connection.settimeout(5)
        connection.sendall(_API_VERSIONS)
        return len(connection.recv(4)) == 4
    return False
