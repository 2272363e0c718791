"""Debian's Chromium, driven by Playwright, and what is asked of every page in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from streams.errors import ConfigurationError

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path("build/screenshots")
SERIOUS = ("serious", "critical")
# no GPU, no first-run pages, and none of Chromium's own look-ups in the network
_ARGUMENTS = [
    "--no-sandbox",  # for root, as in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
"""Of the window, in CSS pixels; a phone's screen has three times as many."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, without a window. Raises ConfigurationError where it is not installed."""
    _require()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


def _require() -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    if not CHROMIUM.exists():
        raise ConfigurationError(
            "Chromium is not installed",
            where=str(CHROMIUM),
            remedy="`make browser` installs Debian's package as root; else: apt-get install "
            "chromium.",
        )


class Window:
    """One page in one size and one colour scheme; gathers what the browser complains about."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []  # scripts and styles refused, errors, dialogs
        self._context = context
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    async def faults(self) -> dict[str, list[str]]:
        """What axe-core finds on the page as it is: rule and elements, by how bad it is."""
        found: dict[str, list[str]] = {}
        for violation in (await Axe().run(self.page)).response["violations"]:
            places = ", ".join(str(node["target"][0]) for node in violation["nodes"][:3])
            found.setdefault(violation["impact"], []).append(f"{violation['id']} ({places})")
        return found

    async def keep(self, name: str) -> None:
        """A picture of the whole page."""
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    async def focused(self) -> str:
        """The text, or else the name, of what has the keyboard."""
        text = await self.page.evaluate(
            "(document.activeElement.innerText || document.activeElement.name || '').trim()"
        )
        return str(text)


@asynccontextmanager
async def window(
    browser: Browser, scheme: Scheme = "light", size: str = "desktop"
) -> AsyncIterator[Window]:
    """A fresh profile, with motion reduced, in the time zone of Berlin."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=3 if size == "phone" else 1,
        has_touch=size == "phone",
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    try:
        yield Window(context, await context.new_page())
    finally:
        await context.close()
