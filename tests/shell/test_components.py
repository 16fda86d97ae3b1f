from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from hub.shell.charts import Series, Unit, XYChart
from hub.shell.icons import UnknownIcon
from hub.shell.templatetags import ui

TENANT = SimpleNamespace(slug="acme", name="Acme", currency="USD", locale="en-US")


def render(source: str, path: str = "/t/acme/accounts/", **values: Any) -> str:
    request = RequestFactory().get(path)
    template = Template("{% load ui lists %}" + source)
    return template.render(Context({"tenant": TENANT, "request": request, **values}))


def test_money_shows_whole_units_and_keeps_the_exact_amount_in_the_title() -> None:
    html = render("{% money amount %}", amount=1234567)
    assert 'title="$12,345.67"' in html
    assert ">$12,346<" in html


def test_an_unknown_figure_is_a_dash_and_never_zero() -> None:
    for tag in ("money", "pct", "number", "relative_time", "day", "delta"):
        assert render("{% " + tag + " value %}", value=None) == "—"


def test_relative_time_has_the_absolute_one_in_its_title() -> None:
    then = timezone.now() - timedelta(hours=5)
    html = render("{% relative_time then %}", then=then)
    assert "5 hours ago" in html
    assert str(then.astimezone(UTC).year) in re.search(r'title="([^"]+)"', html).group(1)  # type: ignore[union-attr]  # None fails


@pytest.mark.parametrize(
    ("value", "good", "tone"), [(0.1, "up", "success"), (-0.1, "up", "error"), (-0.1, "down", "success")]
)
def test_a_change_is_green_when_it_is_good(value: float, good: str, tone: str) -> None:
    assert f"tone-{tone}" in render("{% delta value good=good %}", value=value, good=good)


def test_a_change_of_nothing_has_no_tone() -> None:
    assert "tone-" not in render("{% delta 0 %}")


def test_text_from_data_is_escaped_everywhere() -> None:
    evil = '<b onmouseover="x">'
    sources = [
        "{% badge evil %}",
        "{% avatar evil %}",
        "{% severity evil %}",
        "{% icon 'check' label=evil %}",
        "{% sparkline values evil %}",
        "{% stat evil evil note=evil source=evil %}",
        "{% notice evil evil %}",
        "{% empty_state 'check' evil evil evil '/x' %}",
        "{% timeline_entry evil now text=evil source=evil %}",
        "{% page_header evil evil %}",
        "{% breadcrumbs evil '/x' evil %}",
        "{% sort_head 'a' evil %}",
    ]
    for source in sources:
        html = render(source, evil=evil, values=[1.0, 2.0], now=datetime(2025, 3, 3, tzinfo=UTC))
        assert "<b" not in html, source


def test_a_chart_carries_its_data_where_no_text_can_end_the_script() -> None:
    chart = XYChart("line", "Users", Unit("number"), ["</script><b>"], [Series("a", [1])])
    html = render('{% chart "users" chart %}', chart=chart)
    assert html.count("</script>") == 1
    assert "<table" in html
    assert 'data-chart="users-spec"' in html


def test_an_icon_that_is_not_in_the_set_says_what_to_do() -> None:
    with pytest.raises(UnknownIcon, match=r"static/icons\.txt"):
        ui.icon("no-such-icon")


def test_sorting_keeps_the_filters_and_starts_from_the_first_page() -> None:
    html = render('{% sort_head "mrr" "MRR" %}', "/t/acme/accounts/?stage=renewal&sort=mrr&cursor=abc")
    assert 'aria-sort="ascending"' in html
    assert "stage=renewal" in html
    assert "sort=-mrr" in html
    assert "cursor" not in html


def test_the_pager_goes_on_and_back_to_the_start() -> None:
    first = render('{% pager "c2" "50 accounts" %}', "/t/acme/accounts/?q=a")
    assert "q=a&amp;cursor=c2" in first
    assert "First page" not in first
    assert 'href="?q=a"' in render("{% pager None %}", "/t/acme/accounts/?q=a&cursor=c2")


def test_a_field_names_its_error_to_a_screen_reader() -> None:
    class Form(forms.Form):
        email = forms.EmailField(label="E-mail", help_text="Your work address.")

    html = render("{% field form.email %}", form=Form({"email": "nobody"}))
    assert 'aria-describedby="id_email_error id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert 'id="id_email_helptext"' in html
    assert 'for="id_email"' in html


@pytest.mark.parametrize(("cookie", "expected"), [("dark", 'data-theme="dark"'), ('"><script>', "")])
def test_the_theme_comes_from_the_cookie_and_only_a_known_one(cookie: str, expected: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    html = str(ui.root_attributes(Context({"request": request})))
    assert expected in html
    assert "script" not in html


def test_a_day_says_how_far_off_it_is() -> None:
    html = render("{% day value %}", value=date(2025, 3, 3))
    assert "Mar 3, 2025" in html
    assert "ago" in html


@pytest.mark.parametrize(
    ("key", "words"), [("champion_succession", "Champion succession"), ("qbr_follow_up", "QBR follow-up")]
)
def test_a_key_is_shown_in_words(key: str, words: str) -> None:
    assert render("{{ key|in_words }}", key=key) == words


def test_a_quarter_is_named_as_people_say_it() -> None:
    assert render("{{ name|quarter_words }}", name="2026-Q4") == "Q4 2026"


@pytest.mark.parametrize(("role", "offered"), [("admin", True), ("leader", True), ("csm", False), ("marketer", False)])
def test_a_page_without_data_has_the_button_that_brings_it_for_who_may(role: str, offered: bool) -> None:
    html = render('{% empty_of_data "building" "No accounts yet" "T." %}', membership=SimpleNamespace(role=role))
    assert ("/t/acme/imports/new/" in html) is offered


def test_a_file_field_looks_like_one() -> None:
    class Upload(forms.Form):
        logo = forms.FileField()

    assert 'class="file-input w-full"' in render("{% field form.logo %}", form=Upload())
