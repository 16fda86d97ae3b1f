"""Messages: what authors can write, what they cannot do, and how they are told."""

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.outbox.html import plain_text, sanitised
from hub.outbox.rendering import (
    TemplateError,
    check,
    render_html,
    render_message,
    render_text,
)

VALUES: dict[str, object] = {
    "account": {"name": "Acme & Sons", "mrr": 120, "renewal_on": date(2026, 3, 31), "plan": None},
    "contact": {"first_name": "Åsa", "email": "asa@acme.test"},
    "milestones": [{"title": "Invite users"}, {"title": "Connect data"}],
    "seen_at": datetime(2026, 3, 31, 9, 5, tzinfo=UTC),
    "share": Decimal("12.5"),
}


def failure(source: str, values: dict[str, object] | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        render_text(source, VALUES if values is None else values, part="body")
    return caught.value


def test_a_message_has_subject_html_and_text() -> None:
    rendered = render_message(
        subject="Hello {{ contact.first_name }},\n{{ account.name }}",
        body='<p>Dear {{ contact.first_name }},</p><p>see <a href="https://hub.test/q">your QBR</a> of'
        " {{ account.name }}.</p><ul>{% for m in milestones %}<li>{{ m.title }}</li>{% endfor %}</ul>",
        values=VALUES,
    )
    assert rendered.subject == "Hello Åsa, Acme & Sons"
    assert "Acme &amp; Sons" in rendered.html
    assert rendered.text == (
        "Dear Åsa,\n\nsee your QBR (https://hub.test/q) of Acme & Sons.\n\n- Invite users\n\n- Connect data"
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ account.renewal_on | date: '%d %B %Y' }}", "31 March 2026"),
        ("{{ seen_at | date: '%H:%M' }}", "09:05"),
        ("{{ '2026-01-02' | date: '%-d.%-m.' }}", None),
        ("{{ account.plan }}", ""),
        ("{{ account.plan | default: 'no plan' }}", "no plan"),
        ("{{ milestones | map: 'title' | join: ', ' }}", "Invite users, Connect data"),
        ("{{ milestones | size }} {{ milestones.size }} {{ milestones.first.title }}", "2 2 Invite users"),
        ("{% if account.mrr > 100 %}big{% else %}small{% endif %}", "big"),
        ("{{ account.name | upcase | replace: 'SONS', 'CO' }}", "ACME & CO"),
        ("{{ share | plus: 1 }}", "13.5"),
    ],
)
def test_the_usual_liquid_works(source: str, expected: str | None) -> None:
    if expected is None:
        assert "not understood" in str(failure(source))
    else:
        assert render_text(source, VALUES) == expected


@pytest.mark.parametrize(
    ("source", "line", "name"),
    [
        ("Dear\n{{ contact.frist_name }}", 2, "contact.frist_name"),
        ("a\nb\n{% if nothing %}x{% endif %}", 3, "nothing"),
        ("{{ nothing | default: 'x' }}", 1, "nothing"),
        ("\n{% for m in nothing %}{% endfor %}", 2, "nothing"),
        ("{% for m in milestones %}\n{{ m.titel }}{% endfor %}", 2, "m.titel"),
    ],
)
def test_an_unknown_variable_is_named_with_its_line(source: str, line: int, name: str) -> None:
    error = failure(source)
    assert error.line == line
    assert name in error.message
    assert str(error).startswith(f"body, line {line}: ")


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a\n{% if %}", 2, "missing expression"),
        ("a\n\n{{ account.name", 3, "found the end"),
        ("{{ account | nope }}", 1, "unknown filter 'nope'"),
        ("{% include 'x' %}", 1, "unexpected tag 'include'"),
        ("{% render 'x' %}", 1, "unexpected tag 'render'"),
        ("{{ account.name | safe }}", 1, "unknown filter 'safe'"),
        ("\n{{ 'soon' | date: '%Y' }}", 2, "'soon' is not a date"),
        ("{{ 1 | divided_by: 0 }}", 1, "can't divide by 0"),
    ],
)
def test_a_broken_template_says_where(source: str, line: int, message: str) -> None:
    error = failure(source)
    assert error.line == line
    assert message in error.message


def test_an_object_never_reaches_an_author() -> None:
    with pytest.raises(TypeError, match=r"account.owner is a object; templates take plain data"):
        render_text("x", {"account": {"owner": object()}})


BOMBS = {
    "loops in loops": "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}",
    "an endless range": "{% for a in (1..99999999999999999999) %}x{% endfor %}",
    "a joined range": "{{ (1..999999999) | join: 'x' }}",
    "doubling": "{% assign s = 'xxxxxxxxxx' %}" + "{% assign s = s | append: s %}" * 60,
    "doubling by capture": "{% assign s = 'xxxxxxxxxx' %}" + "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 60,
    "replace in one expression": "{{ 'xxxxxxxxxx'" + " | replace: 'x', 'xxxxxxxxxx'" * 30 + " }}",
    "an empty needle": "{{ '" + "x" * 30_000 + "' | replace: '', '" + "y" * 30_000 + "' }}",
    "squaring": "{% assign n = 99999 %}" + "{% assign n = n | times: n %}" * 60,
    "loops in a row": "{% for a in (1..9999) %}{% if 1 == 1 %}{% endif %}{% endfor %}" * 900,
    "work without output": "{% for a in (1..9999) %}" + "{% if 1 == 1 %}{% endif %}" * 2300 + "{% endfor %}",
    "filters in a loop": "{% for a in (1..9999) %}{% assign s = account.name"
    + " | upcase | downcase" * 90
    + " %}{% endfor %}",
    "long filters": "{% assign s = '" + "a b " * 12_000 + "' %}{% for a in (1..9999) %}"
    "{% assign t = s | split: ' ' | sort | uniq | join: ',' | squish %}{% endfor %}",
    "deep blocks": "{% if true %}" * 4000 + "{% endif %}" * 4000,
    "deep paths": "{{ " + "account[" * 9000 + "1" + "]" * 9000 + " }}",
    "many conditions": "{% if " + "true and " * 6000 + "true %}x{% endif %}",
    "open brackets": "{{" * 30_000,
    "open tags": "{%" * 30_000,
    "open comments": "{% comment %}" * 4900,
    "open raws": "{% raw %}" * 6000,
    "blanks in a tag": "{{" + " " * 60_000 + "}}",
    "blanks in many tags": ("{% if" + " " * 100 + "%}") * 580,
    "brackets": "{{ " + "(" * 60_000 + " }}",
    "brackets in many tags": ("{{ " + "(" * 1990 + " }}") * 32,
    "wide dates": "{{ '2026-01-01' | date: '%99999999Y' }}",
    "too long": "x" * 64_001,
    "much output": "{% for a in (1..9999) %}" + "x" * 1000 + "{% endfor %}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_two_seconds(name: str) -> None:
    start = time.monotonic()
    error = failure(BOMBS[name])
    assert time.monotonic() - start < 2
    assert error.message


@pytest.mark.slow
def test_after_a_bomb_the_next_message_renders() -> None:
    failure(BOMBS["work without output"])
    assert render_text("{{ account.name }}", VALUES) == "Acme & Sons"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script>alert(1)</script>hi", "hi"),
        ('<p onclick="x()">hi</p>', "<p>hi</p>"),
        ('<a href="javascript:x()">hi</a>', '<a rel="noopener noreferrer">hi</a>'),
        ('<img src="x" onerror="y()" alt="z">', '<img src="x" alt="z">'),
        ("<!-- secret -->hi", "hi"),
        ('<iframe src="https://x.test"></iframe>', ""),
        ('<p style="position:fixed">hi</p>', "<p>hi</p>"),
    ],
)
def test_html_that_could_do_harm_is_taken_out(html: str, expected: str) -> None:
    assert sanitised(html) == expected


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


@given(st.text(st.sampled_from("<>\"'/ &;apscrijt=:()\n"), max_size=60))
def test_a_value_can_never_become_markup(value: str) -> None:
    tags = _Tags()
    tags.feed(render_html("<p>{{ v }}</p>", {"v": value}))
    assert tags.seen == ["p"]


@given(st.text(max_size=80).filter(lambda text: not {"{", "\r"} & set(text)))
def test_text_without_liquid_is_left_alone(text: str) -> None:
    assert render_text(text, {}) == text


def test_an_address_as_a_value_cannot_run_a_script() -> None:
    html = render_html('<a href="{{ url }}">x</a>', {"url": "javascript:alert(1)"})
    assert "javascript" not in html


def test_a_subject_is_one_line_and_not_empty() -> None:
    rendered = render_message(subject="a\r\nBcc: x@y.test {{ v }}", body="b", values={"v": "\nc"})
    assert rendered.subject == "a Bcc: x@y.test c"
    with pytest.raises(TemplateError, match="subject: the subject is empty"):
        render_message(subject="{{ v }}", body="b", values={"v": None})


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a\n b</p><p>c<br>d</p>", "a b\n\nc\nd"),
        ('<a href="mailto:a@b.test">a@b.test</a>', "a@b.test"),
        ("<h1>T</h1><hr>x", "T\n\n---\n\nx"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\n\nc"),
        ("1 &lt; 2 &amp; 3", "1 < 2 & 3"),
    ],
)
def test_the_text_part_says_the_same(html: str, text: str) -> None:
    assert plain_text(html) == text


def told(source: str) -> list[tuple[Any, str]]:
    return [(error.line, error.message) for error in check(source, VALUES, part="body")]


def test_a_check_looks_into_branches_that_nobody_takes() -> None:
    source = "{% if account.mrr > 999 %}\n{{ account.nmae }}{% else %}\n{{ whoever }}{% endif %}"
    assert told(source) == [(2, "unknown variable 'account.nmae'"), (3, "unknown variable 'whoever'")]


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in milestones %}{{ m.anything }}{{ forloop.index }}{% endfor %}",
        "{% assign x = account.name %}{{ x }}",
        "{{ milestones.size }} {{ milestones.first.title }} {{ account.plan.name }}",
        "{{ account['name'] }}",
    ],
)
def test_a_check_accepts_what_the_template_makes_itself(source: str) -> None:
    assert told(source) == []


def test_a_check_reports_syntax_like_rendering_does() -> None:
    assert told("a\n{% if %}") == [(2, "missing expression")]
    assert told(BOMBS["deep blocks"])[0][1]
