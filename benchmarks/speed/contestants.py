"""Who takes part in the race: offbeat and its peers, each as a process of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.harness import OFFBEAT, environment
from streams.settings import Settings

PEERS = Path("benchmarks/peers")
BUILT = Path("build/peers")
JAVA_PEER = BUILT / "kafka-streams"
PYTHON_PEERS = BUILT / "venv" / "bin" / "python"


class MissingError(Exception):
    """What a peer needs is not on this machine; says what."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One of them.

    name: for people; key: of its figures. events: it is measured over so many at most; the slow
    ones would take minutes for all. command: its command line for these settings and the folder
    that is its own. says: it tells its progress on standard output, else by committed offsets.
    """

    name: str
    key: str
    events: int
    command: Callable[[Settings, Path], list[str]]
    says: bool = False
    prepare: Callable[[Path], None] | None = None


def output_topic(settings: Settings) -> str:
    """Where a peer's alerts go."""
    return f"{settings.group}.quiet"


def _peer_arguments(settings: Settings, folder: Path, guarantee: str) -> list[str]:
    place = [settings.broker, settings.group, guarantee, str(folder)]
    return [*place, output_topic(settings), *settings.topics.inputs]


def _offbeat(_settings: Settings, _folder: Path) -> list[str]:
    return [str(OFFBEAT), "worker"]


def _kafka_streams(settings: Settings, folder: Path) -> list[str]:
    classes = f"{JAVA_PEER}/peer.jar:{JAVA_PEER}/lib/*"
    return [
        *("java", "-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
        *("-cp", classes, "peer.Main"),
        *_peer_arguments(settings, folder, "exactly_once_v2"),
    ]


def _quix(settings: Settings, folder: Path) -> list[str]:
    arguments = _peer_arguments(settings, folder, "at-least-once")
    return [str(PYTHON_PEERS), "-m", "benchmarks.peers.quix", *arguments]


def _stock_faust(settings: Settings, folder: Path) -> list[str]:
    arguments = _peer_arguments(settings, folder, "at_least_once")
    return [sys.executable, "-m", "benchmarks.peers.stock_faust", *arguments]


def _bytewax(settings: Settings, folder: Path) -> list[str]:
    names = ", ".join(map(repr, (settings.broker, output_topic(settings), *settings.topics.inputs)))
    flow = f"benchmarks.peers.bytewax_flow:flow({names})"
    return [str(PYTHON_PEERS), "-m", "bytewax.run", flow, "-r", str(folder), "-s", "1", "-b", "0"]


def _recovery_store(folder: Path) -> None:
    subprocess.run([PYTHON_PEERS, "-m", "bytewax.recovery", folder, "1"], check=True)


CONTESTANTS = (
    Contestant("offbeat", "offbeat", 4_000_000, _offbeat),
    Contestant("Kafka Streams", "kafka_streams", 4_000_000, _kafka_streams),
    Contestant("Quix Streams", "quix", 400_000, _quix),
    Contestant("Bytewax", "bytewax", 400_000, _bytewax, says=True, prepare=_recovery_store),
    Contestant("stock Faust", "stock_faust", 40_000, _stock_faust),
)


def named_contestants(*keys: str) -> list[Contestant]:
    """Those with these keys, in this order."""
    known = {contestant.key: contestant for contestant in CONTESTANTS}
    return [known[key] for key in keys]


@contextmanager
def running(
    contestant: Contestant, settings: Settings, folder: Path
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Its process, and its log; whatever happens, it is not left behind."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if contestant.prepare is not None:
        contestant.prepare(folder)
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            contestant.command(settings, folder),
            env={**os.environ, "PYTHONPATH": str(Path.cwd()), **_variables(settings)},
            stdout=subprocess.PIPE if contestant.says else errors,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            shutil.rmtree(folder / "state", ignore_errors=True)


def _variables(settings: Settings) -> Mapping[str, str]:
    return {f"OFFBEAT_{key.upper()}": value for key, value in environment(settings).items()}


# --- what they need -------------------------------------------------------------------------------


def build_peers(keys: Sequence[str]) -> dict[str, str]:
    """Make what these peers need; by key, why one cannot take part here."""
    makers = {"kafka_streams": _build_java, "quix": _build_python, "bytewax": _build_python}
    missing = {}
    for key in keys:
        try:
            if key in makers:
                makers[key]()
        except MissingError as error:
            missing[key] = str(error)
    return missing


@cache
def _build_java() -> None:
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            raise MissingError(f"{tool} is not on this machine: install a JDK 17 and Maven")
    _make(["mvn", "-q", "-B", "-f", str(PEERS / "kafka_streams"), "package"])


@cache
def _build_python() -> None:
    uv = next(iter(sorted(Path(".tools").glob("uv-*/bin/uv"))), None)
    if uv is None:
        raise MissingError("uv is not in .tools: `make setup` brings it")
    if not PYTHON_PEERS.exists():
        _make([str(uv), "venv", "--quiet", "--python", sys.executable, str(BUILT / "venv")])
    lock = str(PEERS / "requirements.lock")
    sync = ["pip", "sync", "--quiet", "--python", str(PYTHON_PEERS), "--require-hashes", lock]
    _make([str(uv), *sync])


def _make(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"`{' '.join(command)}` failed: {(done.stdout + done.stderr)[-2000:]}")
