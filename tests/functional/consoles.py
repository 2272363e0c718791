"""A console over partitions made by hand, on a real web server, and a client that asks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from detectors.observations import Input
from streams.console import server
from streams.partition.life import PartitionLife
from streams.partition.seen import Seen
from streams.settings import Settings, detector_profile
from tests.functional.fetching import fetch, purchase

NAMES = ("purchases", "visits", "payments", "support")
HOSTILE = "<script>alert('c')</script>&\"'"


def life_of(
    purchases: Sequence[dict[str, object]],
    visits: Sequence[dict[str, object]] = (),
    settings: Settings | None = None,
    number: int = 0,
) -> PartitionLife:
    """A partition that has seen these events, and in which time has come to the last of them."""
    profile = detector_profile(settings or Settings())
    life = PartitionLife(number, profile, NAMES, dict.fromkeys(Input, (0, False)))
    life.finish_recovery()
    life.take(Input.PURCHASES, fetch(purchases), None)
    life.take(Input.VISITS, fetch(visits), None)
    life.tick(list(Input), None)
    return life


def shop(quiet: dict[str, float], days: int = 140) -> list[dict[str, object]]:
    """Purchases every seven days; each of `quiet` stops after half the time, paying as it says."""
    regular = [purchase("regular", i, 7.0 * i) for i in range(days // 7)]
    gone = [
        purchase(name, i, 7.0 * i, amount=amount)
        for name, amount in quiet.items()
        for i in range(days // 14)
    ]
    return sorted(
        [*regular, *gone, purchase("clock", 0, days)], key=lambda one: int(str(one["event_time"]))
    )


def looking(*lives: PartitionLife, lag: int = 0) -> list[Seen]:
    """What an owner would say of them."""
    return [
        Seen(life, {s: life.position(s) + lag for s in Input}, 1_790_000_000.0, saving=False)
        for life in lives
    ]


class Answer(NamedTuple):
    """Of one request."""

    status: int
    text: str
    headers: Any


class Client:
    """Asks a console; redirects are not followed."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self._session = session

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        return await self.ask("POST", path, data=form, headers=headers)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        address = f"{self.address}{path}"
        options = {"allow_redirects": False, **options}
        async with self._session.request(method, address, **options) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)


@asynccontextmanager
async def serving(
    settings: Settings, *seen: Seen, members: dict[str, list[int]] | None = None
) -> AsyncIterator[Client]:
    """The console on a free port."""
    app = web.Application()
    server.install(app, settings, lambda: list(seen), lambda: members or {}, "http://here")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    jar = aiohttp.CookieJar(unsafe=True)  # else no cookie is kept for an address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Client(f"http://127.0.0.1:{port}", session)
    await runner.cleanup()
