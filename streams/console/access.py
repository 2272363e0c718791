"""Who may see the console: anybody on this machine, or who has the token.

    bound to loopback, no token     requests that name this machine (a foreign name in `Host` is a
                                    page elsewhere that had its name point here)
    a token                         who has it: `Authorization: Bearer`, or a session by the form
    bound wider, no token           the worker does not start

What changes something must also come from our own page: from the same origin, and with the token
that the page was given.
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from streams.errors import ConfigurationError
from streams.settings import Settings

LEAST_TOKEN = 16  # characters; `openssl rand -hex 24` gives 48
SESSION_SECONDS = 12 * 60 * 60.0  # a working day
MOST_SESSIONS = 1000
COOKIE = "offbeat_console"
PATH = "/console/"


def is_loopback(host: str) -> bool:
    """Whether a name or address can only be this machine."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def token_of(settings: Settings) -> str | None:
    """The console's token, from its file or from the environment; None where none is needed.

    Raises:
        ConfigurationError: it cannot be read or is too short, or the console is bound wider than
            loopback without one.
    """
    token = _read_token(settings)
    if token is None and not is_loopback(settings.web.host):
        raise ConfigurationError(
            f"the console would show customers to whoever reaches {settings.web.host}: it needs a "
            "token there",
            where="console.token_file",
            remedy="Set OFFBEAT_CONSOLE_TOKEN_FILE to a file that holds a token (`openssl rand -hex"
            " 24` makes one), or OFFBEAT_CONSOLE_ENABLED=false.",
        )
    if token is not None and len(token) < LEAST_TOKEN:
        raise ConfigurationError(
            f"the token has {len(token)} characters; accepted: {LEAST_TOKEN} or more",
            where="console.token",
            remedy="`openssl rand -hex 24` makes one.",
        )
    return token


def _read_token(settings: Settings) -> str | None:
    path = settings.console.token_file
    if path is None:
        secret = settings.console.token
        return secret.get_secret_value() if secret is not None else None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        # a UnicodeDecodeError would show bytes of the secret
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"{path} cannot be read: {reason}",
            where="console.token_file",
            remedy="Mend the file, or set OFFBEAT_CONSOLE_TOKEN_FILE.",
        ) from None


class Access:
    """Decides about requests; knows the sessions that were begun with the token.

    Args:
        token: None: none is asked for, and only requests that name this machine are answered.
        clock: any that does not go back, in seconds.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.wants_token = token is not None
        self._digest = _digest(token) if token is not None else b""
        self._clock = clock
        self._sessions: dict[str, float] = {}  # until when, oldest first
        self._key = secrets.token_bytes(32)

    def allows(self, request: web.Request) -> bool:
        """Whether this request may see the pages."""
        if not self.wants_token:
            return True
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_token(given.strip())
        return self._sessions.get(_session(request), 0.0) > self._clock()

    def names_this_machine(self, request: web.Request) -> bool:
        """Whether the name that was asked for can be this one, where no token says who asks."""
        return self.wants_token or is_loopback(_host_name(request.headers.get("Host", "")))

    def is_token(self, given: str) -> bool:
        """Compares in constant time, whatever the length."""
        return self.wants_token and hmac.compare_digest(_digest(given), self._digest)

    def begin_session(self) -> str:
        """A new session's name, for the cookie."""
        now = self._clock()
        self._sessions = {name: end for name, end in self._sessions.items() if end > now}
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        name = secrets.token_urlsafe(32)
        self._sessions[name] = now + SESSION_SECONDS
        return name

    def end_session(self, request: web.Request) -> None:
        """Its cookie opens nothing any more."""
        self._sessions.pop(_session(request), None)

    def form_token(self, request: web.Request) -> str:
        """What our own forms carry; another page cannot read it."""
        said = _session(request).encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()

    def is_ours(self, request: web.Request, form_token: str) -> bool:
        """Whether a form was sent from our own page, and by who was given it."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        origin = request.headers.get("Origin")
        here = request.headers.get("Host", "")
        same = origin is None or (origin != "null" and urlsplit(origin).netloc == here)
        expected = self.form_token(request)
        ours = hmac.compare_digest(form_token.encode(), expected.encode())
        return ours and same and site in ("same-origin", "none")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(request: web.Request) -> str:
    return request.cookies.get(COOKIE, "")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
