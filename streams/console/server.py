"""The console on a worker's web server: routes, who may see them, and headers for all of them."""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from streams.console.access import PATH, Access, token_of
from streams.console.feedback import FeedbackProducer
from streams.console.frame import Frame
from streams.console.pages import Pages
from streams.console.queries import see
from streams.ops import logs
from streams.partition.seen import Seen
from streams.settings import Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Nothing from elsewhere, no script and no style within a page, in nobody's frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Cookie",
}
_OPEN = (f"{PATH}login", f"{PATH}static/")

log = logs.logger(__name__)


def install(
    root: web.Application,
    settings: Settings,
    seen: Callable[[], Sequence[Seen]],
    members: Callable[[], Mapping[str, Sequence[int]]],
    own: str,
) -> None:
    """Put /console/ on a web application that has not started yet.

    Raises:
        ConfigurationError: it may not be served like this, see `access.token_of`.
    """
    if settings.console.enabled:
        root.add_subapp(PATH, console(settings, seen, members, own))


def console(
    settings: Settings,
    seen: Callable[[], Sequence[Seen]],
    members: Callable[[], Mapping[str, Sequence[int]]],
    own: str,
) -> web.Application:
    """The pages as an application of their own; see `pages.Pages` for the arguments."""
    access = Access(token_of(settings))
    producer = FeedbackProducer(settings)
    frame = Frame(settings, access, seen)
    pages = Pages(settings, access, frame, producer, seen, members, own)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await _allowed(request, handler)
        except web.HTTPException as problem:
            answer = frame.problem(request, problem.status, problem.text or problem.reason)
        except Exception as error:  # noqa: BLE001 (a page that breaks must not touch the stream)
            # neither message nor trace: they may hold ids
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.filename}:{last.lineno}"
            log.error(logs.CONSOLE_FAILED, error=type(error).__name__, where=where)  # noqa: TRY400 (ids)
            answer = frame.problem(request, 500, "This page is broken; the log says where.")
        answer.headers.update(HEADERS)
        return answer

    async def _allowed(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not access.names_this_machine(request):
            log.warning(logs.CONSOLE_REFUSED, reason="a name that is not this machine's")
            raise web.HTTPForbidden(
                text="Without a token the console answers to localhost alone; see docs/console.md."
            )
        if not request.path.startswith(_OPEN) and not access.allows(request):
            if request.path.startswith(f"{PATH}api/"):
                raise web.HTTPUnauthorized(text="Give the token: Authorization: Bearer …")
            if request.method not in ("GET", "HEAD"):
                raise web.HTTPForbidden(text="Log in first.")
            return see(f"{PATH}login?{urlencode({'next': request.path_qs})}")
        return await handler(request)

    app = web.Application(middlewares=[guarded])
    app.add_routes(pages.routes())

    async def stop(_: Any) -> None:
        await producer.stop()

    app.on_cleanup.append(stop)
    return app
