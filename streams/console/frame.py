"""What all pages have in common: how they are rendered, who may send forms, log-in, files."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from streams.console.access import COOKIE, PATH, SESSION_SECONDS, Access
from streams.console.queries import as_json, inside, see
from streams.console.rendering import Static, environment
from streams.ops import logs
from streams.partition.seen import Seen
from streams.settings import Settings

log = logs.logger(__name__)


class Frame:
    """Round the pages of one worker; `seen`: the partitions of this process."""

    def __init__(
        self, settings: Settings, access: Access, seen: Callable[[], Sequence[Seen]]
    ) -> None:
        self._settings = settings
        self._access = access
        self._seen = seen
        self._static = Static()
        self._templates = environment(self._static)

    # --- rendering --------------------------------------------------------------------------------

    async def own_form(self, request: web.Request) -> dict[str, str]:
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
            return as_json({"error": text}, status)
        return self.page(request, "problem.html", status=status, text=text, code=status)

    def page(
        self,
        request: web.Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> web.Response:
        """A template, with what all of them show."""
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

    # --- log-in and files -------------------------------------------------------------------------

    async def login_form(self, request: web.Request) -> web.Response:
        """Where the token is asked for."""
        return self.page(request, "login.html", next=inside(request.query.get("next")), wrong="")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """A session for who has the token."""
        form = await self.own_form(request)
        to = inside(form.get("next"))
        if not self._access.is_token(form.get("token", "").strip()):
            log.warning(logs.CONSOLE_REFUSED, reason="a wrong token")
            text = "That is not the token."
            return self.page(request, "login.html", status=403, next=to, wrong=text)
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
        await self.own_form(request)
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
