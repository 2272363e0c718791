"""The console's pages on a real web server: what they show, and to whom."""

import asyncio
import re
from html import unescape
from urllib.parse import quote

import orjson
import pytest

from streams.errors import ConfigurationError
from streams.settings import Settings
from tests.functional.consoles import HOSTILE, Client, life_of, looking, serving, shop

LOCAL = Settings()
TOKEN = "correct-horse-battery"
GUARDED = Settings.model_validate({"console": {"token": TOKEN}})
QUIET = {"gone": 40.0, HOSTILE: 90.0}
LIFE = life_of(shop(QUIET))
SEEN = looking(LIFE)
PAGES = ["/console/", f"/console/customer?id={quote(HOSTILE)}", "/console/pipeline"]


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="(\w+)"', page)
    assert found is not None
    return found[1]


async def log_in(client: Client, token: str = TOKEN, to: str = "/console/") -> int:
    page = await client.get("/console/login")
    form = {"token": token, "next": to, "form_token": form_token(page.text)}
    return (await client.post("/console/login", form)).status


async def test_the_list_shows_who_is_at_risk_with_reason_and_stake() -> None:
    async with serving(LOCAL, *SEEN) as client:
        page = await client.get("/console/")
        assert page.status == 200
        assert "<b>2</b> of 4 customers are at risk" in page.text
        assert page.text.index(quote(HOSTILE)) < page.text.index("id=gone")
        assert re.search(r"No purchase for 77 days; usually every \d days \(9 in 10", page.text)
        assert "regular" not in page.text.split("<table")[1]
        (row, *_) = orjson.loads((await client.get("/console/api/at-risk")).text)["rows"]
        assert row[0] == HOSTILE


async def test_an_id_that_is_a_script_is_text_wherever_it_is_shown() -> None:
    async with serving(LOCAL, *SEEN) as client:
        for path in [*PAGES, f"/console/search?q={quote('<script>')}", "/console/customer?id=<b>x"]:
            text = (await client.get(path)).text
            assert "<script>alert" not in text
            assert "<b>x" not in text
        assert HOSTILE in unescape((await client.get(PAGES[1])).text)


async def test_one_customer_is_drawn_with_words_for_who_sees_no_picture() -> None:
    async with serving(LOCAL, *SEEN) as client:
        text = unescape((await client.get("/console/customer?id=gone")).text)
    assert text.count('<svg class="chart"') == 2
    assert "16 weeks" in text or "10 weeks" in text
    assert re.search(r"Half of the gaps are longer than [67](\.\d)? days", text)
    assert re.search(r"The deadline is at \d+ days", text)
    assert "purchase silence" in text


@pytest.mark.parametrize("path", ["/console/customer?id=nobody", "/console/nothing"])
async def test_what_is_not_there_is_said_and_where_else_it_may_be(path: str) -> None:
    async with serving(LOCAL, *SEEN, members={"http://other:6066": list(range(8))}) as client:
        page = await client.get(path)
        assert page.status == 404
        if "nobody" in path:
            assert re.search(r"in partition \d, which", page.text)


async def test_a_search_leads_straight_to_the_customer_whose_id_it_is() -> None:
    async with serving(LOCAL, *SEEN) as client:
        exact = await client.get("/console/search?q=gone")
        assert (exact.status, exact.headers["Location"]) == (303, "/console/customer?id=gone")
        assert "id=gone" in (await client.get("/console/search?q=on")).text


@pytest.mark.parametrize("query", ["segment=x", "reason=%3Cb%3E", "order=size", "page=one"])
async def test_filters_that_nobody_knows_are_refused_with_what_is_accepted(query: str) -> None:
    async with serving(LOCAL, *SEEN) as client:
        page = await client.get(f"/console/?{query}")
        assert page.status == 400
        assert "<b>'" not in page.text


async def test_a_list_that_has_not_changed_is_not_sent_again() -> None:
    async with serving(LOCAL, *SEEN) as client:
        version = (await client.get("/console/")).headers["ETag"]
        again = await client.get("/console/", **{"If-None-Match": version})
        assert (again.status, again.text) == (304, "")
        assert (await client.get("/console/", **{"If-None-Match": 'W/"old"'})).status == 200


async def test_nothing_is_loaded_from_elsewhere_and_no_script_is_in_a_page() -> None:
    async with serving(LOCAL, *SEEN) as client:
        for path in PAGES:
            page = await client.get(path)
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert page.headers["X-Frame-Options"] == "DENY"
            assert not re.search(r"<script(?! src=\"/console/static/)", page.text)
            assert not re.search(r" (style|on\w+)=", page.text)
            named = re.findall(r'(?:src|href)="([^"]*)"', page.text)
            assert all(one.startswith(("/", "#")) for one in named)
            for one in named:
                if one.startswith("/console/static/"):
                    assert (await client.get(one)).status == 200


async def test_a_page_elsewhere_whose_name_points_here_is_refused() -> None:
    async with serving(LOCAL, *SEEN) as client:
        for host in ("evil.example.com", "10.0.0.1:6066", ""):
            assert (await client.get("/console/", Host=host)).status == 403
        for host in ("localhost:8080", "127.0.0.1", "[::1]:7"):
            assert (await client.get("/console/", Host=host)).status == 200


async def test_with_a_token_nothing_is_shown_before_it_is_given() -> None:
    async with serving(GUARDED, *SEEN) as client:
        for path in [*PAGES, "/console/search?q=gone"]:
            page = await client.get(path)
            assert page.status == 303
            assert page.headers["Location"].startswith("/console/login?next=")
            assert "gone" not in page.text
        assert (await client.get("/console/api/at-risk")).status == 401
        assert (await client.post("/console/feedback", {})).status == 403
        assert "gone" not in (await client.get("/console/login?next=/console/")).text
        assert await log_in(client, "wrong-horse-battery") == 403
        assert (await client.get("/console/")).status == 303
        assert await log_in(client) == 303
        assert (await client.get("/console/")).status == 200


async def test_a_program_gives_the_token_as_a_bearer() -> None:
    async with serving(GUARDED, *SEEN) as client:
        api = "/console/api/pipeline"
        assert (await client.get(api, Authorization=f"Bearer {TOKEN}")).status == 200
        for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN):
            assert (await client.get(api, Authorization=wrong)).status == 401


async def test_a_session_is_for_this_path_unseen_by_scripts_and_ends_when_it_is_ended() -> None:
    async with serving(GUARDED, *SEEN) as client:
        page = await client.get("/console/login")
        form = {"token": TOKEN, "next": "//evil.example.com", "form_token": form_token(page.text)}
        answer = await client.post("/console/login", form)
        assert answer.headers["Location"] == "/console/"
        cookie = answer.headers["Set-Cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/console/"))
        own = form_token((await client.get("/console/")).text)
        assert (await client.post("/console/logout", {"form_token": own})).status == 303
        assert (await client.get("/console/")).status == 303


async def test_feedback_that_another_page_sends_is_refused() -> None:
    async with serving(LOCAL, *SEEN) as client:
        page = (await client.get("/console/customer?id=gone")).text
        alert = re.search(r'name="alert" value="(\w+)"', page)
        assert alert is not None
        form = {"id": "gone", "alert": alert[1], "kind": "contacted"}
        own = {**form, "form_token": form_token(page)}
        path = "/console/feedback"
        assert (await client.post(path, form)).status == 403
        assert (await client.post(path, {**form, "form_token": "ä" * 64})).status == 403
        for headers in (
            {"Origin": "http://evil.example.com"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert (await client.post(path, own, **headers)).status == 403
        as_json = {"Content-Type": "application/json"}
        assert (await client.ask("POST", path, data=b"{}", headers=as_json)).status == 415
        assert (await client.get(path)).status == 405


async def test_feedback_about_an_alert_that_is_no_more_is_not_recorded() -> None:
    async with serving(LOCAL, *SEEN) as client:
        own = form_token((await client.get("/console/customer?id=gone")).text)
        form = {"id": "gone", "alert": "0" * 32, "kind": "contacted", "form_token": own}
        assert (await client.post("/console/feedback", form)).status == 409
        wrong = await client.post("/console/feedback", {**form, "kind": "ignored"})
        assert wrong.status == 400


async def test_feedback_that_kafka_does_not_take_is_said_not_to_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.console.feedback.SEND_SECONDS", 0.5)
    nowhere = Settings(broker="127.0.0.1:9")
    async with serving(nowhere, *SEEN) as client:
        page = (await client.get("/console/customer?id=gone")).text
        alert = re.search(r'name="alert" value="(\w+)"', page)
        assert alert is not None
        form = {"id": "gone", "alert": alert[1], "kind": "holdout", "form_token": form_token(page)}
        answer = await client.post("/console/feedback", form)
        assert answer.status == 503
        assert "not confirmed" in answer.text


async def test_a_console_bound_wider_without_a_token_does_not_start() -> None:
    wide = Settings.model_validate({"web": {"host": "0.0.0.0"}})
    with pytest.raises(ConfigurationError, match="token"):
        async with serving(wide, *SEEN):
            pass
    off = Settings.model_validate({"web": {"host": "0.0.0.0"}, "console": {"enabled": False}})
    async with serving(off, *SEEN) as client:
        assert (await client.get("/console/")).status == 404


async def test_many_who_look_at_once_share_one_look() -> None:
    async with serving(LOCAL, *SEEN) as client:
        pages = await asyncio.gather(*(client.get("/console/") for _ in range(20)))
        assert {page.status for page in pages} == {200}
