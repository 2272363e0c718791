"""The console's routes: what is asked for, looked up in the state, and written as a page.

    /console/                 who is at risk now
    /console/customer?id=     one customer
    /console/pipeline         how the stream gets on
    /console/search?q=        customers by a part of their id
    /console/feedback         POST: what somebody says about an alert
    /console/login, /logout   where a token is needed
    /console/api/…            the first three as JSON

Ids travel in the query, for they may hold anything; nothing of a request goes to a log.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from detectors.customer import Cause, Segment
from detectors.judgement.episodes import Severity
from schemas.events import MAX_ID_CHARACTERS
from schemas.feedback import KINDS, MAX_NOTE_CHARACTERS
from streams.console import charts
from streams.console.access import COOKIE, PATH, SESSION_SECONDS, Access
from streams.console.dossier import Dossier, dossier, find
from streams.console.feedback import FeedbackProducer, NotRecordedError, Said
from streams.console.pipeline import Pipeline, partition_of, pipeline
from streams.console.rendering import Static, environment
from streams.console.roll import Order, Roll, Wanted
from streams.ops import logs
from streams.partition.seen import Seen
from streams.settings import Settings, detector_profile

Word = TypeVar("Word", bound=Enum)
MOST_OFFER_CHARACTERS = 256

log = logs.logger(__name__)


class Pages:
    """Handlers over one worker's partitions.

    Args:
        seen: the partitions of this process.
        members: the group's, as of the last rebalance: partitions by where their pages are.
        own: where this worker's are.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        producer: FeedbackProducer,
        seen: Callable[[], Sequence[Seen]],
        members: Callable[[], Mapping[str, Sequence[int]]],
        own: str,
    ) -> None:
        self._settings = settings
        self._access = access
        self._producer = producer
        self._seen = seen
        self._members = members
        self._own = own
        self._roll = Roll(seen)
        profile = detector_profile(settings)
        self._horizons = profile.horizon_days, profile.value_horizon_days
        self._static = Static()
        self._templates = environment(self._static)
        self._started = f"{time.time_ns():x}"  # what another process rendered is not this one's

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        return [
            web.get("/", self.at_risk),
            web.get("/customer", self.customer),
            web.get("/pipeline", self.pipeline),
            web.get("/search", self.search),
            web.post("/feedback", self.feedback),
            web.get("/login", self.login_form),
            web.post("/login", self.login),
            web.post("/logout", self.logout),
            web.get("/static/{name}", self.static),
            web.get("/api/at-risk", self.api_at_risk),
            web.get("/api/customer", self.api_customer),
            web.get("/api/pipeline", self.api_pipeline),
        ]

    # --- who is at risk ---------------------------------------------------------------------------

    async def at_risk(self, request: web.Request) -> web.Response:
        """The list. With the version that the browser has there is nothing to send."""
        wanted = _wanted(request)
        reader = self._access.form_token(request)[:8]
        version = f'W/"{self._started}-{reader}-{self._roll.version()}"'
        headers = {"ETag": version, "Cache-Control": "private, no-cache"}
        if request.headers.get("If-None-Match") == version:
            return web.Response(status=304, headers=headers)
        page = await self._roll.page(wanted)
        rows = [
            (
                one,
                charts.silence_bar(one.said.silence_days, one.said.gap_days, one.said.p90_gap_days),
            )
            for one in page.rows
        ]
        return self._page(
            request,
            "at_risk.html",
            headers=headers,
            page=page,
            rows=rows,
            wanted=wanted,
            version=version,
            segments=_words(Segment, but=Segment.UNSEEN),
            causes=_words(Cause),
            severities=_words(Severity),
            orders=list(Order),
            link=lambda **changes: _link(wanted, changes),
        )

    async def api_at_risk(self, request: web.Request) -> web.Response:
        """The same as JSON."""
        return _json((await self._roll.page(_wanted(request)))._asdict())

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Customers by a part of their id; straight to the one whose id it is."""
        text = request.query.get("q", "").strip()
        if not text:
            return see(PATH)
        if len(text) > MAX_ID_CHARACTERS:
            raise web.HTTPBadRequest(text="An id has at most 128 characters.")
        if find(self._roll.lives(), text) is not None:
            return see(f"{PATH}customer?{urlencode({'id': text})}")
        found = await self._roll.search(text)
        return self._page(request, "search.html", text=text, found=found, home=self._home(text))

    # --- one customer -----------------------------------------------------------------------------

    async def customer(self, request: web.Request) -> web.Response:
        """Their rhythm, and what speaks for and against them."""
        found = self._found(request.query.get("id", ""))
        return self._customer(request, found)

    def _customer(
        self, request: web.Request, found: Dossier, *, status: int = 200, problem: str = ""
    ) -> web.Response:
        return self._page(
            request,
            "customer.html",
            status=status,
            customer=found,
            weeks=charts.weeks(found),
            survival=charts.survival(found),
            plot=(charts.WIDTH, charts.PLOT, charts.UP, charts.DOWN),
            horizons=self._horizons,
            said=self._producer.said(found.standing.alert_id),
            kinds=KINDS,
            problem=problem,
            limits=(MAX_NOTE_CHARACTERS, MOST_OFFER_CHARACTERS),
        )

    async def api_customer(self, request: web.Request) -> web.Response:
        """The same as JSON."""
        return _json(self._found(request.query.get("id", "")))

    def _found(self, customer_id: str) -> Dossier:
        found = find(self._roll.lives(), customer_id) if customer_id else None
        if found is None:
            home = self._home(customer_id) if customer_id else ""
            raise web.HTTPNotFound(text=f"This worker knows no such customer. {home}")
        return dossier(self._settings, *found)

    def _home(self, customer_id: str) -> str:
        """Where else a customer may be, in words."""
        number = partition_of(self._settings, customer_id)
        if number is None:
            return "Other workers may."
        mine = [one.life for one in self._seen() if one.life.number == number]
        if mine:
            return (
                f"Their partition, {number}, is being recovered here."
                if mine[0].recovering
                else f"Somebody of exactly that id would be in partition {number}, which is here."
            )
        at = [pages for pages, numbers in self._members().items() if number in numbers]
        where = f"the worker at {at[0]}" if at else "another worker"
        return f"Somebody of exactly that id would be in partition {number}, which {where} has."

    async def feedback(self, request: web.Request) -> web.StreamResponse:
        """Send what was said about the alert that the page showed."""
        form = await self._own_form(request)
        kind = form.get("kind", "")
        if kind not in KINDS:
            raise web.HTTPBadRequest(text=f"Accepted: {', '.join(KINDS)}.")
        found = self._found(form.get("id", ""))
        alert = form.get("alert", "")
        if alert != found.standing.alert_id:
            text = "Nothing was recorded: meanwhile the customer has moved on. This is how it is."
            return self._customer(request, found, status=409, problem=text)
        said = Said(
            next(one for one in KINDS if one == kind),
            time.time(),
            form.get("note", "").strip()[:MAX_NOTE_CHARACTERS] or None,
            form.get("offer", "").strip()[:MOST_OFFER_CHARACTERS] or None,
        )
        try:
            await self._producer.send(found.partition, found.customer_id, alert, said)
        except NotRecordedError as error:
            log.warning(logs.FEEDBACK_FAILED, error=str(error), kind=kind)
            text = "Kafka has not confirmed it. Say it again: twice does no harm."
            return self._customer(request, found, status=503, problem=text)
        log.info(logs.FEEDBACK_RECORDED, kind=kind, partition=found.partition)
        return see(f"{PATH}customer?{urlencode({'id': found.customer_id})}#feedback")

    # --- the stream -------------------------------------------------------------------------------

    async def pipeline(self, request: web.Request) -> web.Response:
        """Partitions, lags, outages, checkpoints."""
        return self._page(request, "pipeline.html", state=self._pipeline())

    async def api_pipeline(self, _: web.Request) -> web.Response:
        """The same as JSON."""
        return _json(self._pipeline())

    def _pipeline(self) -> Pipeline:
        return pipeline(self._settings, self._seen(), self._members(), self._own, time.time())

    # --- log-in and files -------------------------------------------------------------------------

    async def login_form(self, request: web.Request) -> web.Response:
        """Where the token is asked for."""
        return self._page(request, "login.html", next=_inside(request.query.get("next")), wrong="")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """A session for who has the token."""
        form = await self._own_form(request)
        to = _inside(form.get("next"))
        if not self._access.is_token(form.get("token", "").strip()):
            log.warning(logs.CONSOLE_REFUSED, reason="a wrong token")
            text = "That is not the token."
            return self._page(request, "login.html", status=403, next=to, wrong=text)
        answer = see(to)
        answer.set_cookie(
            COOKIE,
            self._access.begin_session(),
            max_age=int(SESSION_SECONDS),
            path=PATH,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return answer

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """The session is over."""
        await self._own_form(request)
        self._access.end_session(request)
        answer = see(f"{PATH}login")
        answer.del_cookie(COOKIE, path=PATH)
        return answer

    async def static(self, request: web.Request) -> web.Response:
        """A style, a script or a picture; pages name them with their version."""
        name = request.match_info["name"]
        if name not in self._static.files:
            raise web.HTTPNotFound(text="There is no such file.")
        return web.Response(
            body=self._static.files[name],
            content_type=self._static.content_type(name),
            charset="utf-8",
            headers={"Cache-Control": "public, max-age=604800, immutable"},
        )

    # --- rendering --------------------------------------------------------------------------------

    async def _own_form(self, request: web.Request) -> dict[str, str]:
        """The fields of one of our own forms."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType(text="Accepted: a form.")
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._access.is_ours(request, form.get("form_token", "")):
            log.warning(logs.CONSOLE_REFUSED, reason="a form of another page")
            raise web.HTTPForbidden(
                text="This form is not from this page, or the page is from before a log-in or a "
                "restart. Load it again."
            )
        return form

    def problem(self, request: web.Request, status: int, text: str) -> web.Response:
        """A page that says what was wrong; JSON where that was asked for."""
        if request.path.startswith(f"{PATH}api/"):
            return _json({"error": text}, status)
        return self._page(request, "problem.html", status=status, text=text, code=status)

    def _page(
        self,
        request: web.Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> web.Response:
        allowed = self._access.allows(request)
        numbers = [one.life.number for one in self._seen()] if allowed else []
        text = self._templates.get_template(template).render(
            form_token=self._access.form_token(request),
            signed_in=allowed and self._access.wants_token,
            allowed=allowed,
            here=numbers,
            of=self._settings.topics.partitions,
            path=request.path,
            q=request.query.get("q", ""),
            tenant=self._settings.tenant,
            **values,
        )
        return web.Response(
            text=text,
            content_type="text/html",
            status=status,
            headers={"Cache-Control": "no-store", **(headers or {})},
        )


def see(path: str) -> web.Response:
    """Go there, by GET."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def _wanted(request: web.Request) -> Wanted:
    """The filters of a query. Raises HTTPBadRequest that says what is accepted."""
    query = request.query
    try:
        return Wanted(
            segment=_member(Segment, query.get("segment")),
            cause=_member(Cause, query.get("reason")),
            severity=_member(Severity, query.get("severity")),
            held_back=query.get("held_back", "") == "1",
            order=Order(query.get("order") or Order.VALUE),
            page=max(int(query.get("page") or 1), 1),
        )
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{error}.") from None


def _member(words: type[Word], name: str | None) -> Word | None:
    if not name:
        return None
    found = {one.name.lower(): one for one in words}
    if name not in found:
        raise ValueError(f"{name[:32]!r} is none of {', '.join(found)}")
    return found[name]


def _words(words: Iterable[Enum], but: Enum | None = None) -> list[str]:
    return [str(one.name).lower() for one in words if one is not but]


def _link(wanted: Wanted, changes: Mapping[str, str | int]) -> str:
    """The list with these changes; whatever is as usual stays out of the address."""
    query: dict[str, str | int] = {
        "segment": str(wanted.segment.name).lower() if wanted.segment else "",
        "reason": str(wanted.cause.name).lower() if wanted.cause else "",
        "severity": str(wanted.severity.name).lower() if wanted.severity else "",
        "held_back": "1" if wanted.held_back else "",
        "order": "" if wanted.order is Order.VALUE else wanted.order.value,
        "page": wanted.page,
        **changes,
    }
    shown = {name: value for name, value in query.items() if value not in ("", 1, "value")}
    return PATH + (f"?{urlencode(shown)}" if shown else "")


def _inside(path: str | None) -> str:
    """A path of the console's own; its first page for anything else."""
    fine = path is not None and path.startswith(PATH) and "\\" not in path and path.isprintable()
    return path if fine and path is not None else PATH


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        charset="utf-8",
        status=status,
        headers={"Cache-Control": "no-store"},
    )
