"""One running hub for the tests of this folder: real processes, a real mail server at the other end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from bench.sink import Sink, mail_sink
from bench.stack import Hub, hub
from tests import chromium, services

Enter = Callable[[], Page]


@pytest.fixture(scope="package")
def sink() -> Iterator[Sink]:
    with mail_sink() as made:
        yield made


@pytest.fixture(scope="package")
def running(sink: Sink) -> Iterator[Hub]:
    with hub(database=services.migrated(), EMAIL_URL=sink.url, WEB_WORKERS="1") as started:
        yield started


@pytest.fixture
def open_page(browser: Browser, running: Hub) -> Iterator[Enter]:
    with fresh_profiles(browser, running) as opened:
        yield opened


@contextmanager
def fresh_profiles(browser: Browser, running: Hub) -> Iterator[Enter]:
    """Opens a page in a fresh profile, as often as it is called; nothing may go wrong in any of them."""
    contexts, wrong = [], []

    def opened() -> Page:
        contexts.append(browser.new_context(base_url=running.url))
        page = contexts[-1].new_page()
        wrong.append(chromium.watch(page, all_errors=True))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [problem for of_page in wrong for problem in of_page] == []


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url("**/t/*/")
