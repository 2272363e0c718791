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
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from detectors.customer import Cause, Segment
from detectors.judgement.episodes import Severity
from schemas.events import MAX_ID_CHARACTERS
from schemas.feedback import KINDS, MAX_NOTE_CHARACTERS
from streams.console import charts
from streams.console.access import PATH, Access
from streams.console.dossier import Dossier, dossier, find
from streams.console.feedback import FeedbackProducer, NotRecordedError, Said
from streams.console.frame import Frame
from streams.console.pipeline import Pipeline, partition_of, pipeline
from streams.console.queries import as_json, link, see, wanted_by, words_of
from streams.console.roll import Roll
from streams.ops import logs
from streams.partition.seen import Seen
from streams.settings import Settings, detector_profile

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
        frame: Frame,
        producer: FeedbackProducer,
        seen: Callable[[], Sequence[Seen]],
        members: Callable[[], Mapping[str, Sequence[int]]],
        own: str,
    ) -> None:
        self._settings = settings
        self._access = access
        self._frame = frame
        self._producer = producer
        self._seen = seen
        self._members = members
        self._own = own
        self._roll = Roll(seen)
        profile = detector_profile(settings)
        self._horizons = profile.horizon_days, profile.value_horizon_days
        self._started = f"{time.time_ns():x}"  # what another process rendered is not this one's

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        return [
            web.get("/", self.at_risk),
            web.get("/customer", self.customer),
            web.get("/pipeline", self.pipeline),
            web.get("/search", self.search),
            web.post("/feedback", self.feedback),
            web.get("/login", self._frame.login_form),
            web.post("/login", self._frame.login),
            web.post("/logout", self._frame.logout),
            web.get("/static/{name}", self._frame.static),
            web.get("/api/at-risk", self.api_at_risk),
            web.get("/api/customer", self.api_customer),
            web.get("/api/pipeline", self.api_pipeline),
        ]

    # --- who is at risk ---------------------------------------------------------------------------

    async def at_risk(self, request: web.Request) -> web.Response:
        """The list. With the version that the browser has there is nothing to send."""
        wanted = wanted_by(request)
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
        return self._frame.page(
            request,
            "at_risk.html",
            headers=headers,
            page=page,
            rows=rows,
            wanted=wanted,
            version=version,
            segments=words_of(Segment, but=Segment.UNSEEN),
            causes=words_of(Cause),
            severities=words_of(Severity),
            link=lambda **changes: link(wanted, changes),
        )

    async def api_at_risk(self, request: web.Request) -> web.Response:
        """The same as JSON."""
        return as_json((await self._roll.page(wanted_by(request)))._asdict())

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Customers by a part of their id; straight to the one whose id it is."""
        text = request.query.get("q", "").strip()
        if not text:
            return see(PATH)
        if len(text) > MAX_ID_CHARACTERS:
            raise web.HTTPBadRequest(text="An id has at most 128 characters.")
        if find(self._roll.lives(), text) is not None:
            return see(_address(text))
        found = await self._roll.search(text)
        return self._frame.page(
            request, "search.html", text=text, found=found, home=self._home(text)
        )

    # --- one customer -----------------------------------------------------------------------------

    async def customer(self, request: web.Request) -> web.Response:
        """Their rhythm, and what speaks for and against them."""
        found = self._found(request.query.get("id", ""))
        return self._customer(request, found)

    def _customer(
        self, request: web.Request, found: Dossier, *, status: int = 200, problem: str = ""
    ) -> web.Response:
        return self._frame.page(
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
        return as_json(self._found(request.query.get("id", "")))

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
        form = await self._frame.own_form(request)
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
        return see(f"{_address(found.customer_id)}#feedback")

    # --- the stream -------------------------------------------------------------------------------

    async def pipeline(self, request: web.Request) -> web.Response:
        """Partitions, lags, outages, checkpoints."""
        return self._frame.page(request, "pipeline.html", state=self._pipeline())

    async def api_pipeline(self, _: web.Request) -> web.Response:
        """The same as JSON."""
        return as_json(self._pipeline())

    def _pipeline(self) -> Pipeline:
        return pipeline(self._settings, self._seen(), self._members(), self._own, time.time())


def _address(customer_id: str) -> str:
    return f"{PATH}customer?{urlencode({'id': customer_id})}"
