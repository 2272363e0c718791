"""Apache Kafka as files: what belongs to it, fetched once, checked every time.

`jars.lock` holds one line an artifact, `group:artifact:version sha256`: the broker's whole runtime
closure. The files come from the Maven repository that jgo is set up for, into the cache folder;
a file whose sha256 is not the locked one is thrown away and fetched once more, then refused.

`python -m streams.kafka.jars > jars.lock` resolves the closure anew (for a new KAFKA version).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.errors import BrokerError, ConfigurationError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

KAFKA = "4.1.1"
# slf4j-simple, because log4j-core wants a configuration file and half a second.
ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA}", "org.slf4j:slf4j-simple:1.7.36")
LOCK = files("streams.kafka").joinpath("jars.lock")
# The registry answers one file in about 0.3 s; eight at a time fill an ordinary line.
_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked artifact."""

    coordinate: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.coordinate} {self.sha256}"


def cache_folder() -> Path:
    """Where downloads are kept: OFFBEAT_CACHE, else the user's cache folder (XDG)."""
    if explicit := os.environ.get("OFFBEAT_CACHE"):
        return Path(explicit).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offbeat"


def locked(lock: Traversable = LOCK) -> list[Jar]:
    """A lock file's artifacts, in class path order."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Jar(*line.split()) for line in lines if line and not line.startswith("#")]


@contextmanager
def exclusive(folder: Path, console: Console) -> Iterator[None]:
    """Only one process at a time fills the cache; the others wait, then find it filled."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Apache Kafka: another process prepares it; waiting …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fetch(
    cache: Path, console: Console, lock: Traversable = LOCK, what: str = f"Apache Kafka {KAFKA}"
) -> list[Path]:
    """All locked jars as files, in class path order; downloads what the cache does not have.

    Raises ConfigurationError without the `demo` extra, BrokerError when the registry does not give
    a file or gives another one than was locked; both say what to set.
    """
    jars = locked(lock)
    context = _maven(cache)
    progress = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("jars"),
        TimeElapsedColumn(),
        console=console,
        disable=all(_path(context, jar).exists() for jar in jars),
    )
    with exclusive(cache, console), progress, ThreadPoolExecutor(_DOWNLOADS) as pool:
        task = progress.add_task("", total=len(jars))
        paths = []
        for path in pool.map(lambda jar: _verified(context, jar), jars):
            progress.advance(task)
            paths.append(path)
        return paths


def _verified(context: MavenContext, jar: Jar) -> Path:
    path = _path(context, jar)
    if path.exists() and _sha256(path) == jar.sha256:
        return path
    path.unlink(missing_ok=True)
    _download(context, jar)
    if _sha256(path) == jar.sha256:
        return path
    path.unlink()
    raise BrokerError(
        f"the registry's {jar.coordinate} is not the file that was locked (sha256 differs)",
        where="streams/kafka/jars.lock",
        remedy="Do not use this registry or mirror; or set OFFBEAT_BROKER to a broker you have.",
    )


def _download(context: MavenContext, jar: Jar) -> None:
    from requests import RequestException

    try:
        _artifact(context, jar.coordinate).resolve()
    except (RuntimeError, RequestException) as error:
        raise BrokerError(
            f"cannot fetch {jar.coordinate} ({type(error).__name__})",
            where="Maven repository",
            remedy=(
                "Behind a proxy set HTTPS_PROXY (and REQUESTS_CA_BUNDLE); for a mirror, a line in "
                "[repositories] of ~/.config/jgo.conf; without either set OFFBEAT_BROKER=host:port "
                "to a broker you have, or OFFBEAT_CACHE to a cache folder filled elsewhere."
            ),
        ) from error


def _maven(cache: Path) -> MavenContext:
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise ConfigurationError(
            "the embedded broker is not installed (jgo is missing)",
            remedy="Install offbeat[demo], or set OFFBEAT_BROKER=host:port to a broker you have.",
        ) from error
    mirrors = GlobalSettings.load().repositories or None
    return MavenContext(
        PythonResolver(), repo_cache=cache / "maven", remote_repos=mirrors, timeout=30
    )


def _artifact(context: MavenContext, coordinate: str) -> Artifact:
    group, name, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def _path(context: MavenContext, jar: Jar) -> Path:
    group, name, version = jar.coordinate.split(":")
    folder = context.repo_cache.joinpath(*group.split("."), name, version)
    return folder / f"{name}-{version}.jar"


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def resolve(cache: Path, roots: Sequence[str] = ROOTS) -> list[Jar]:
    """The closure of `roots` as the registry describes it now, with the sha256 of each file."""
    context = _maven(cache)
    dependencies = [context.create_dependency(root) for root in roots]
    direct, transitive = context.resolver.resolve(dependencies)
    artifacts = [dependency.artifact for dependency in (*direct, *transitive)]
    return [
        Jar(f"{it.groupId}:{it.artifactId}:{it.version}", _sha256(it.resolve())) for it in artifacts
    ]


if __name__ == "__main__":
    sys.stdout.write("# Runtime closure of the embedded broker; made by streams/kafka/jars.py\n")
    sys.stdout.writelines(f"{jar}\n" for jar in resolve(cache_folder()))
