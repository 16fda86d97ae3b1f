"""Fixtures of every test; importing this file starts the services, because the settings name them."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import django
import psycopg
import pytest
from execnet import XSpec
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests import chromium, services

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant

services.prepare()


def pytest_configure() -> None:
    # Not in the ini file: pytest-django would read the settings before this file has set their variables.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.conf import settings

    # A password's hash is slow on purpose, and was a fifth of the time of all tests. Hubs that tests start keep it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each client of a test has a server of its own, which would go through all static files at its first request.
    settings.WHITENOISE_AUTOREFRESH = True
    from django.test import TransactionTestCase

    # Django would empty the tables with TRUNCATE, which the app role may not do.
    TransactionTestCase._fixture_teardown = lambda self: services.clean()  # type: ignore[attr-defined]


def pytest_xdist_setupnodes(specs: list[XSpec]) -> None:
    """Give each worker a database of its own, through the environment that it starts with."""
    for number, spec in enumerate(specs, start=1):
        spec.env.update(services.environment_of(str(spec.id), number=number))


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database is there already: Django must not make one of its own."""


@pytest.fixture
def migrator() -> Iterator[psycopg.Connection]:
    """A connection past row level security. It sees only what tests committed."""
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def acme(db: None) -> "Tenant":
    """A tenant with the shipped triggers."""
    from tests.world import make_tenant

    return make_tenant("acme")


@pytest.fixture
def globex(db: None) -> "Tenant":
    """The stranger: another tenant."""
    from tests.world import make_tenant

    return make_tenant("globex")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the whole run."""
    # Playwright keeps an event loop in this thread, in which Django would refuse to ask the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium.ensure(), args=list(chromium.FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page of a fresh profile whose addresses start at the live server: `page.goto("/accounts/login/")`.

    The test fails when a script threw or the content security policy was violated. No process serves live updates here:
    the page waits for its stream, and polls.
    """
    context = browser.new_context(base_url=live_server.url)
    context.route("**/events/t/**", lambda route: None)
    opened = context.new_page()
    wrong = chromium.watch(opened)
    yield opened
    context.close()
    assert wrong == []
