"""Requests in our own words, and answers that are no page."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from detectors.customer import Cause, Segment
from detectors.judgement.episodes import Severity
from streams.console.access import PATH
from streams.console.roll import Order, Wanted

Word = TypeVar("Word", bound=Enum)


def see(path: str) -> web.Response:
    """Go there, by GET."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def wanted_by(request: web.Request) -> Wanted:
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


def words_of(words: Iterable[Enum], but: Enum | None = None) -> list[str]:
    """Their names, as an address has them."""
    return [str(one.name).lower() for one in words if one is not but]


def link(wanted: Wanted, changes: Mapping[str, str | int]) -> str:
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


def inside(path: str | None) -> str:
    """A path of the console's own; its first page for anything else."""
    fine = path is not None and path.startswith(PATH) and "\\" not in path and path.isprintable()
    return path if fine and path is not None else PATH


def as_json(value: Any, status: int = 200) -> web.Response:
    """Structs and plain values."""
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        charset="utf-8",
        status=status,
        headers={"Cache-Control": "no-store"},
    )
