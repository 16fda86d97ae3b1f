"""What mail looks like and says: a frame that holds, colours that can be read, wordings, findings, a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Contact
from hub.outbox.brand import DARK_PAGE, ENOUGH, BrandError, Kit, contrast, kit_of, picture_type, readable
from hub.outbox.checks import check_message
from hub.outbox.frame import foot_of, framed
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.html import plain_text, sanitised
from hub.outbox.models import MailTemplate, Message, Snippet
from hub.outbox.rendering import Rendered, TemplateError
from hub.outbox.services import Draft, message_queue
from hub.outbox.services.content import ContentError, snippet_save, template_save
from hub.outbox.wording import worded
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_contact, make_member

colors = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture
def kim(acme: Tenant) -> Iterator[Contact]:
    with tenant_context(acme):
        yield make_contact(make_account())


@pytest.fixture
def marketer(acme: Tenant) -> Client:
    client = Client()
    client.force_login(make_member(acme, "marketer", password=None).user)
    return client


# --- Frame and colours --------------------------------------------------------------------------------------------


@given(colors, st.sampled_from(["#ffffff", DARK_PAGE]))
def test_a_brand_colour_is_changed_only_where_it_could_not_be_read(color: str, ground: str) -> None:
    shown = readable(color, ground)
    assert contrast(shown, ground) >= ENOUGH
    assert (shown == color) is (contrast(color, ground) >= ENOUGH)


def test_contrast_is_that_of_wcag() -> None:
    assert (round(contrast("#000000", "#ffffff"), 2), round(contrast("#777777", "#ffffff"), 2)) == (21.0, 4.48)


def test_the_frame_holds_what_looks_like_mjml_markup_or_a_hole() -> None:
    kit = Kit('A<mj-raw>"&co', footer="1 Road <b>\nTown", color="#ffd400")
    html = sanitised('<h2><a href="https://x.example/?a=1&b=2">Go</a></h2><p>@@FOOT@@ &lt;mj-text&gt;</p>')
    made = framed(kit, subject="@@CONTENT@@ <b>", html=html, foot=foot_of(kit, unsubscribe="", preferences=""))
    assert "@@FOOT@@ &lt;mj-text&gt;" in made
    assert "<title>@@CONTENT@@ &lt;b&gt;</title>" in made
    assert "1 Road &lt;b&gt;<br>Town" in made
    assert f"background:{kit.button};color:#ffffff" in made
    assert "prefers-color-scheme: dark" in made
    assert "<mj-" not in made
    assert "fonts.googleapis" not in made


def test_marketing_says_why_and_how_to_stop_and_the_rest_says_who_writes() -> None:
    kit = Kit("Acme", sender_name="Kim of Acme", footer="1 Road")
    assert foot_of(kit, unsubscribe="", preferences="") == "1 Road"
    foot = foot_of(kit, unsubscribe="https://u/", preferences="https://p/")
    assert "Kim of Acme sends you this" in foot
    assert foot.index("https://u/") < foot.index("https://p/") < foot.index("1 Road")


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"", b"GIF", b"\x89PNG\r\n\x1a\n" + b"0" * 200_000])
def test_a_logo_is_a_small_picture_and_nothing_else(content: bytes) -> None:
    with pytest.raises(BrandError):
        picture_type(content)
    assert picture_type(PNG) == "image/png"


def test_the_brand_kit_is_kept_and_mail_bears_it(acme: Tenant, marketer: Client, kim: Contact) -> None:
    url = "/t/acme/set-up/sending/brand/"
    kit = {"sender_name": "Kim\r\nBcc: x@x.example", "reply_to": "kim@acme.example", "footer": "1 Road"}
    assert marketer.post(f"{url}change/", {**kit, "color": "red"}).status_code == 422
    assert marketer.post(f"{url}change/", {**kit, "logo_url": "http://x.example/a.png"}).status_code == 422
    assert marketer.post(f"{url}change/", {**kit, "reply_to": "a@x.example, b@x.example"}).status_code == 422
    logo = SimpleUploadedFile("a.png", PNG)
    assert marketer.post(f"{url}change/", {**kit, "color": "#ffd400", "logo": logo}).status_code == 302
    acme.refresh_from_db()
    found = kit_of(acme.name, acme.brand_color, acme.settings)
    assert (found.sender, found.reply_to, found.color) == ("Kim Bcc: x@x.example", "kim@acme.example", "#ffd400")
    assert "hard to read" in marketer.get(url).text
    picture = Client().get(found.logo_url.removeprefix("http://localhost:8000"))
    assert (picture.status_code, picture.content, picture["X-Content-Type-Options"]) == (200, PNG, "nosniff")
    assert found.logo_url in marketer.get(f"{url}sample/").text


# --- Wordings and snippets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "gets"), [("de-AT", "de"), ("de", "de"), ("pt_BR", "pt-BR"), ("pt-PT", ""), ("fr", ""), ("", "")]
)
def test_a_reader_gets_the_nearest_wording(locale: str, gets: str) -> None:
    assert worded(locale, "", {"de": "de", "pt-BR": "pt-BR", "": ""}) == gets


def queued(contact: Contact, **fields: Any) -> Message:
    return message_queue(
        Draft(
            **{
                "key": "k", "contact": contact, "channel": "email", "message_class": MessageClass.SERVICE,
                "purpose": Purpose.ADOPTION, "subject": "Hello", "body": "<p>{{ snippets.bye }}</p>",
                "values": {"name": "<b>Kim"}, **fields,
            }
        )
    )  # fmt: skip


def test_snippets_are_liquid_in_the_readers_language_and_values_stay_escaped(kim: Contact) -> None:
    snippet_save(key="bye", wordings={"": "Bye {{ name }}", "de": "Tschüss {{ name }}"}, actor=ACTOR)
    variants = {"de": {"subject": "Hallo", "body": "<p>{{snippets.bye}}!</p>"}}
    german = queued(kim, key="1", locale="de-CH", variants=variants)
    other = queued(kim, key="2", locale="fr", variants=variants)
    assert (german.subject, german.body_text) == ("Hallo", "Tschüss <b>Kim!")
    assert (other.subject, other.body_html) == ("Hello", "<p>Bye &lt;b&gt;Kim</p>")


def test_a_snippet_that_is_gone_is_named_and_one_inside_another_is_not_looked_up(kim: Contact) -> None:
    with pytest.raises(TemplateError, match="no snippet 'bye'"):
        queued(kim)
    snippet_save(key="bye", wordings={"": "{{ snippets.bye }}"}, actor=ACTOR)
    with pytest.raises(TemplateError, match="snippets"):
        queued(kim)
    for key, wordings in (("Bad Key", {"": "x"}), ("ok", {"de": "x"}), ("ok", {"": "x", "german": "x"})):
        with pytest.raises(ContentError):
            snippet_save(key=key, wordings=wordings, actor=ACTOR)
    assert Snippet.objects.count() == 1


# --- Findings -----------------------------------------------------------------------------------------------------


def findings(subject: str, html: str, *, topic: str = "news", footer: str = "1 Road") -> str:
    clean = sanitised(html)
    rendered = Rendered(subject, clean, plain_text(clean))
    return " ".join(found.text for found in check_message(rendered, marketing=True, topic=topic, footer=footer))


GOOD = '<p>Hello Kim, here is what is new.</p><a href="https://x.example/">Read it</a>'


def test_a_decent_message_has_no_findings() -> None:
    assert findings("What is new in March", GOOD) == ""


@pytest.mark.parametrize(
    ("subject", "html", "said"),
    [
        ("READ THIS NOW", GOOD, "shouts"),
        ("Now!!", GOOD, "exclamation"),
        ("Act now", GOOD, "spam filters"),
        ("Re: our talk", GOOD, "pretends"),
        ("Hello", '<img src="https://x.example/a.png">', "no words"),
        ("Hello", '<img src="https://x.example/a.png">' * 5 + GOOD, "More pictures"),
        ("Hello", '<p>Hi</p><a href="http://x.example/">Go</a>', "not encrypted"),
        ("Hello", '<p>Hi</p><a href="">Go</a>', "nowhere"),
        ("Hello", '<p>Hi</p><a href="/local">Go</a>', "nowhere"),
        ("Hello", '<p>Hi</p><a href="https://bit.ly/x">Go</a>', "hides"),
        ("Hello", '<p>Hi</p><a href="https://evil.example/">https://bank.example/</a>', "phishing"),
        ("Hello", "<p>Hi {{ name }}</p>" + GOOD, "template"),
        ("Hello", "<p>" + "x" * 95_000 + "</p>" + GOOD, "Gmail"),
    ],
)
def test_what_a_filter_would_say_is_said_first(subject: str, html: str, said: str) -> None:
    assert said in findings(subject, html)


def test_marketing_without_topic_or_address_is_found() -> None:
    told = findings("Hello", GOOD, topic="", footer="")
    assert "no topic" in told
    assert "postal address" in told


# --- Templates ----------------------------------------------------------------------------------------------------


def test_a_template_is_written_read_as_anybody_and_sent_to_oneself_alone(
    acme: Tenant, marketer: Client, kim: Contact
) -> None:
    url = "/t/acme/set-up/sending/templates/"
    assert "No template yet" in marketer.get(url).text
    form = {"name": "Hello", "topic": "newsletter", "subject": "FREE for {{ account.name }}", "body": GOOD}
    assert marketer.post(f"{url}new/", form).status_code == 302
    assert marketer.post(f"{url}new/", form).status_code == 422
    row = MailTemplate.objects.get()
    one = f"{url}{row.pk}/"
    assert marketer.post(one, {**form, "locale": "de", "subject": "Hallo {{ contact.name }}"}).status_code == 302
    assert set(row.__class__.objects.get().wordings) == {"", "de"}
    shown = marketer.get(one).text
    assert "FREE for Northwind" in shown
    assert "spam filters" in shown
    assert "contact.first_name" in shown
    assert "Hallo Kim" in marketer.get(f"{one}?locale=de&account={kim.account_id}&contact={kim.pk}").text
    assert "Hello Kim, here is" in marketer.get(f"{one}body/").text
    mail.outbox.clear()
    marketer.post(f"{one}test/?locale=de")
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["marketer@acme.example"], "[Test] Hallo Kim")
    assert not Message.objects.exists()
    assert marketer.post(one, {**form, "subject": "{{ nonsense }}"}).status_code == 302
    assert "nonsense" in marketer.get(one).text
    marketer.post(f"{one}gone/")
    assert "No template yet" in marketer.get(url).text
    assert marketer.post(f"{url}new/", form).status_code == 302


def test_a_template_needs_words_for_everybody(kim: Contact) -> None:
    with pytest.raises(ContentError, match="everybody else"):
        template_save(name="x", topic="", wordings={"de": {"subject": "x", "body": "x"}}, actor=ACTOR)


def test_the_snippets_page(acme: Tenant, marketer: Client, kim: Contact) -> None:
    url = "/t/acme/set-up/sending/snippets/"
    for words in ({"key": "bye", "body": "Bye"}, {"key": "bye", "locale": "de", "body": "Tschüss"}):
        assert marketer.post(f"{url}set/", words).status_code == 302
    assert marketer.post(f"{url}set/", {"key": "No Key", "body": "x"}).status_code == 422
    assert "Tschüss" in marketer.get(url).text
    marketer.post(f"{url}{Snippet.objects.get().pk}/gone/")
    assert "No snippet yet" in marketer.get(url).text
    with pytest.raises(TemplateError, match="no snippet"):
        queued(kim)
