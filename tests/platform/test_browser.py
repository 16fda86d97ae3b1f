"""The browser that the browser tests drive."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_sign_in_page_works_in_a_real_browser_under_its_policy(page: Page) -> None:
    answer = page.goto("/accounts/login/")
    assert answer is not None
    assert answer.status == 200
    assert "script-src" in answer.headers["content-security-policy"]
    expect(page.get_by_role("textbox").first).to_be_visible()
    # The built style sheet arrived: the page is more than Chromium's own serif text.
    assert "Inter" in page.evaluate("getComputedStyle(document.body).fontFamily")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))",
            "Content Security",
        ),
        ("setTimeout(() => { throw new Error('broken') })", "broken"),
    ],
)
def test_what_goes_wrong_in_a_page_is_noticed(
    browser: Browser, live_server: LiveServer, script: str, expected: str
) -> None:
    page = browser.new_page(base_url=live_server.url)
    wrong = chromium.watch(page)
    page.goto("/accounts/login/")
    page.evaluate(script)
    page.wait_for_timeout(200)
    page.close()
    assert len(wrong) == 1
    assert expected in wrong[0]
