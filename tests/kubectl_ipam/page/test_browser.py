"""The page in a real browser: a headless Chromium, driven by Playwright; accessibility is checked by axe-core.

Needs `make browser` (Playwright and axe-core, both from the registry of Python packages) and a Chromium; the tests are
skipped without them.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_ipam.sources.files import FileSource
from tests.kubectl_ipam.large import large_dump
from tests.kubectl_ipam.page.pages import mixed_cluster, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from kubectl_ipam.page.server import Server

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: make browser")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core: make browser")
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _PROGRAMS)), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=/path")

HOLDERS = 10_000
WINDOWS: dict[str, Any] = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}
PAGES = {"ranges": "", "range": "#/range/default/net", "search": "#/search/10.0.0.0%2F27", "text": "#/search/r"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as program:
        # Its sandbox needs rights that containers do not have; the page is our own.
        chromium = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("mixed") / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": mixed_cluster()}))
    with served([FileSource([str(path)]).read()]) as server:
        yield server


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served([FileSource([large_dump(tmp_path_factory.mktemp("large"), HOLDERS, 40)]).read()]) as server:
        yield server


@pytest.fixture
def faults() -> list[str]:
    """What the console of the browser reports; it must stay empty."""
    return []


@pytest.fixture
def page(browser: Browser, faults: list[str]) -> Iterator[Page]:
    with browser.new_context(viewport=WINDOWS["wide"]) as context:
        opened = context.new_page()
        opened.set_default_timeout(10_000)
        opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: faults.append(str(error)))
        yield opened
    assert faults == []


def cells(page: Page, selector: str = "#rows tbody th") -> list[str]:
    return [text for text in page.locator(selector).all_inner_texts() if text]


def violations(page: Page) -> list[str]:
    """What axe-core finds: the rule, and the elements that break it."""
    found: list[dict[str, Any]] = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("where", PAGES)
def test_axe_finds_no_violation_and_nothing_is_wider_than_the_window(
    browser: Browser, mixed: Server, where: str, window: str, scheme: Any
) -> None:
    with browser.new_context(viewport=WINDOWS[window], color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(mixed.url + PAGES[where])
        page.locator("main tbody th:visible").first.wait_for()

        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= WINDOWS[window]["width"]


def test_the_first_page_shows_ranges_and_why_requests_wait(page: Page, mixed: Server) -> None:
    page.goto(mixed.url)
    page.locator("table").first.wait_for()

    assert cells(page, "table[aria-label=Ranges] tbody th") == ["default/cool", "default/hosts", "default/net"]
    assert "no free /28 in default/net" in page.locator("table[aria-label='Waiting requests']").inner_text()


def test_a_range_shows_its_numbers_its_map_and_its_rows(page: Page, mixed: Server) -> None:
    page.goto(mixed.url)
    page.get_by_role("link", name="default/net").first.click()
    page.locator("#rows tbody th").first.wait_for()

    assert page.locator("h1").inner_text() == "Range default/net"
    assert cells(page) == ["/28", "/28", "/28", "10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28", "10.0.0.48/28"]
    assert page.locator("object.map").get_attribute("data") == "map.svg?name=default%2Fnet"
    assert page.locator("object.map").bounding_box() is not None


def test_everything_is_reached_by_the_keyboard(page: Page, mixed: Server) -> None:
    page.goto(mixed.url)
    page.locator("table").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("10.0.0.20")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Search: 10.0.0.20/32").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#rows tbody th").first.wait_for()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "rows-kind":
            break
    page.keyboard.press("ArrowDown")
    page.get_by_text("3 rows").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.id") == "rows"


def test_a_range_with_ten_thousand_requests_scrolls_and_only_what_is_seen_exists(page: Page, large: Server) -> None:
    page.goto(large.url + "#/range/default/net")
    page.locator("#rows tbody th").first.wait_for()
    assert page.locator("#rows table").get_attribute("aria-rowcount") == str(HOLDERS + 40 + 1)
    page.locator("#rows").focus()
    page.keyboard.press("End")
    page.locator("#rows tbody th", has_text="10.0.39.15").wait_for()
    assert page.locator("#rows tr").count() < 100
    page.locator("#rows").evaluate("rows => { rows.scrollTop = rows.scrollHeight / 2; }")
    page.locator("#rows tbody th", has_text="10.0.19.").first.wait_for()

    assert page.locator("#rows tr").count() < 100


def test_rows_are_found_by_a_part_of_their_text(page: Page, large: Server) -> None:
    page.goto(large.url + "#/range/default/net")
    page.locator("#rows tbody th").first.wait_for()
    page.get_by_label("with").fill("web-09999")
    page.get_by_text("1 row", exact=True).wait_for()

    assert cells(page) == ["10.0.39.15"]


def test_the_page_follows_the_cluster_and_keeps_the_keyboard_where_it_was(page: Page, tmp_path: Path) -> None:
    objects = mixed_cluster()
    path, later = tmp_path / "dump.json", tmp_path / "later.json"
    path.write_text(json.dumps({"kind": "List", "items": objects}))
    less = [each for each in objects if each["metadata"]["name"] not in ("r3", "r4", "r5")]
    later.write_text(json.dumps({"kind": "List", "items": less}))
    with served([*[FileSource([str(path)]).read()] * 5, FileSource([str(later)]).read()]) as server:
        page.goto(server.url)
        link = page.get_by_role("link", name="default/net").first
        link.focus()
        page.get_by_text("No request waits.").wait_for()

        assert page.evaluate("document.activeElement.textContent") == "default/net"


def test_when_the_server_ends_the_page_reports_it(browser: Browser, mixed: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(mixed.url)
        page.locator("table").first.wait_for()
        context.set_offline(True)
        page.get_by_text("kubectl ipam serve does not answer").wait_for(timeout=10_000)
        assert page.locator("table").first.is_visible()
        context.set_offline(False)
        page.get_by_text("as of").wait_for(timeout=10_000)
