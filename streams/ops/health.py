"""Whether this worker is alive and whether it is ready; and its pages, on Faust's web server.

`Health` is told what happens, with the time as an argument, and asks no clock: any clock that does
not go back will do (`time.monotonic`).

    ready   every partition that this worker owns has its state back
    live    positions move while there is lag, and somebody still looks at them
"""

import socket
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import faust
from faust.web.base import BlueprintManager
from prometheus_client.exposition import choose_encoder

from streams.ops.metrics import Metrics
from streams.settings_groups import Web

_ALL_INTERFACES = ("0.0.0.0", "::")  # noqa: S104 (compared with)


class Verdict(NamedTuple):
    """An answer and its reason."""

    ok: bool
    reason: str


class Health:
    """The state behind /livez and /readyz.

    `stall_seconds`: longest time with lag and without progress, or without being observed.
    `now`: the time at which the worker starts.
    """

    def __init__(self, stall_seconds: float, now: float) -> None:
        self._stall_seconds = stall_seconds
        self._assigned = False
        self._recovering: set[int] = set()
        self._owned: set[int] = set()
        self._position = -1
        self._lag = 0
        self._progressed = now
        self._observed = now
        self._idle, self._behind = 0.0, ""

    def assigned(self, partitions: Iterable[int]) -> None:
        """The group has given this worker these partitions; those that it had keep their state."""
        owned = set(partitions)
        self._recovering = (self._recovering & owned) | (owned - self._owned)
        self._owned = owned
        self._assigned = True

    def recovered(self, partition: int) -> None:
        """The state of a partition is whole. Of one that went away meanwhile: nothing."""
        self._recovering.discard(partition)

    def observed(self, position: int, lag: int, now: float) -> None:
        """How far the worker has come: the sum of its positions, and the records it is behind.

        A sum that changes is progress, down too: after a rebalance it covers other partitions.
        """
        if lag <= 0 or position != self._position:
            self._progressed = now
        self._position, self._lag, self._observed = position, lag, now

    def idle(self, seconds: float, behind: str) -> None:
        """So long nothing has happened by the watchdog's clock, though this is to be done."""
        self._idle, self._behind = seconds, behind

    def ready(self) -> Verdict:
        """May anybody rely on this worker? One that owns nothing is fine: it stands by."""
        if not self._assigned:
            return Verdict(False, "not yet a member of the group")
        if self._recovering:
            waiting = ", ".join(map(str, sorted(self._recovering)))
            return Verdict(False, f"recovering partitions {waiting}")
        return Verdict(True, f"{len(self._owned)} partitions ready")

    def live(self, now: float) -> Verdict:
        """Would a restart help?"""
        if now - self._observed > self._stall_seconds:
            return Verdict(False, f"not observed for {now - self._observed:.0f} s")
        if now - self._progressed > self._stall_seconds:
            idle = now - self._progressed
            return Verdict(False, f"{self._lag} records behind, no progress for {idle:.0f} s")
        if self._idle > self._stall_seconds:
            return Verdict(False, f"{self._behind}, no progress for {self._idle:.0f} s")
        return Verdict(True, f"{self._lag} records behind")


def web_options(web: Web) -> dict[str, Any]:
    """What `faust.App` has to be told about its web server; port 0 becomes a free port here."""
    return {
        "web_enabled": True,
        "web_bind": web.host,
        # by which the others of the group know it: an address of all interfaces is everybody's
        "web_host": socket.gethostname() if web.host in _ALL_INTERFACES else web.host,
        "web_port": web.port or _free_port(web.host),
        "web_in_thread": False,
    }


def install(app: faust.App, metrics: Metrics, health: Health, clock: Callable[[], float]) -> None:
    """Put /metrics, /livez and /readyz on the app's web server, and take everything else off it.

    Faust's own pages show the tables' contents and the cluster's topology to whoever asks, and an
    index that says OK whatever has happened. Call before the app starts.
    """
    app.web.blueprints = BlueprintManager()

    async def metrics_page(view: faust.web.View, request: faust.web.Request) -> faust.web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return view.bytes(encode(metrics.registry), headers={"Content-Type": content_type})

    async def livez(view: faust.web.View, _: faust.web.Request) -> faust.web.Response:
        return _answer(view, health.live(clock()))

    async def readyz(view: faust.web.View, _: faust.web.Request) -> faust.web.Response:
        return _answer(view, health.ready())

    app.page("/metrics")(metrics_page)
    app.page("/livez")(livez)
    app.page("/readyz")(readyz)


def _answer(view: faust.web.View, verdict: Verdict) -> faust.web.Response:
    return view.text(f"{verdict.reason}\n", status=200 if verdict.ok else 503)


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port: int = server.getsockname()[1]
        return port
