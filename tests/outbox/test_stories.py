"""Stories: told once the customer agreed, to accounts that they fit, to nobody about themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.outbox.models import Message, Story
from hub.outbox.services.stories import StoryWords, story_remove, story_save
from hub.outbox.stories import NO_STORY, story_for
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.services import graph_problems
from tests.journeys import graphs
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

DAY = date(2026, 3, 1)
BODY = "<p>{% if story.title != '' %}{{ story.customer }}: {{ story.title }}{% else %}No story{% endif %}</p>"


def keep(title: str = "Closed in three days", **more: Any) -> Story:
    words: dict[str, Any] = {
        "title": title,
        "customer": "a logistics company",
        "text": "They did it.",
        "agreed_on": DAY,
    }
    return story_save(words=StoryWords(**{**words, **more}), actor=ACTOR)


def told(account: Account) -> str:
    rows = Story.objects.filter(is_off=False, agreed_on__isnull=False)
    return story_for(rows, account_id=account.pk, industry=account.industry, seats=account.seats)["title"]


def test_the_closest_story_is_told_and_never_ones_own(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(industry="Logistics", seats=50)
        keep("For all")
        assert told(account) == "For all"
        keep("Other trade", industry="Retail")
        keep("Too large", most_seats=49)
        assert told(account) == "For all"
        keep("Their size", least_seats=50, most_seats=50)
        assert told(account) == "Their size"
        mine = keep("Their trade", industry="logistics ")
        assert told(account) == "Their trade"
        story_save(
            words=StoryWords("Mine", "us", "We did it.", account_id=account.pk, agreed_on=DAY), story=mine, actor=ACTOR
        )
        assert told(account) == "Their size"
        assert told(make_account("Without seats", industry="Health")) == "Mine"


@dataclass(frozen=True)
class Plain:
    """A story that is nowhere stored."""

    title: str
    industry: str
    least_seats: int | None
    most_seats: int | None
    customer: str = "c"
    text: str = "t"
    url: str = ""
    account_id: UUID | None = None
    pk: UUID = field(default_factory=uuid4)
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


SEATS = st.none() | st.integers(0, 9)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), SEATS, SEATS)), SEATS)
def test_nothing_is_told_that_does_not_fit(kinds: list[tuple[str, int | None, int | None]], seats: int | None) -> None:
    rows = [Plain(str(n), *kind) for n, kind in enumerate(kinds)]
    fitting = {
        row.title
        for row in rows
        if row.industry in ("", "a")
        and (seats is not None or row.least_seats is row.most_seats is None)
        and (row.least_seats is None or row.least_seats <= (seats or 0))
        and (row.most_seats is None or row.most_seats >= (seats or 0))
    }
    found = story_for(rows, account_id=uuid4(), industry="A", seats=seats)
    assert found["title"] in fitting if fitting else found == NO_STORY


def test_a_message_tells_it_only_once_the_customer_agreed(acme: Tenant) -> None:
    account = graphs.world(acme)
    with tenant_context(acme):
        keep(agreed_on=None)
    graphs.publish(acme, graphs.graph(graphs.email(body=BODY)))
    graphs.go(acme, account)
    with tenant_context(acme):
        assert "No story" in Message.objects.get().body_html
        story = Story.objects.get()
        keep("<b>Closed</b> in three days")
    graphs.go(acme, account, "line-2")
    with tenant_context(acme):
        body = Message.objects.latest("created_at").body_html
        assert "a logistics company: &lt;b&gt;Closed&lt;/b&gt; in three days" in body
        for row in Story.objects.exclude(pk=story.pk):
            assert story_remove(story=row, actor=ACTOR)
            assert not story_remove(story=row, actor=ACTOR)
    graphs.go(acme, account, "line-3")
    with tenant_context(acme):
        assert "No story" in Message.objects.latest("created_at").body_html


def test_a_template_may_name_what_a_story_has_and_nothing_else(acme: Tenant) -> None:
    graphs.world(acme)
    with tenant_context(acme):
        assert graph_problems(graphs.graph(graphs.email(body=BODY))) == ()
        (wrong,) = graph_problems(graphs.graph(graphs.email(body="{{ story.nothing }}")))
        assert "story.nothing" in wrong.message


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"title": " "}, "title"),
        ({"text": "x" * 601}, "text"),
        ({"customer": "a\0b"}, "customer"),
        ({"url": "http://plain.example"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"least_seats": 9, "most_seats": 8}, "most_seats"),
        ({"least_seats": 10**9}, "least_seats"),
    ],
)
def test_what_cannot_be_told_says_why(acme: Tenant, more: dict[str, Any], name: str) -> None:
    with tenant_context(acme):
        with pytest.raises(ValidationError) as refused:
            keep(**more)
        assert name in refused.value.message_dict
        assert not Story.objects.exists()


def test_a_marketer_writes_changes_and_takes_away_a_story(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        theirs = make_account("Theirs")
    client, base = staff(acme, "marketer"), "/t/acme/set-up/sending/stories/"
    assert "No story yet" in client.get(base).text
    words = {"title": "Closed", "customer": "Ada Ltd", "text": "Sooner."}
    assert client.post(f"{base}new/", words | {"account": str(theirs.pk)}).status_code == 422
    assert client.post(f"{base}new/", words | {"url": "ftp://x"}).status_code == 422
    assert "told to nobody" in client.post(f"{base}new/", words, follow=True).text
    with tenant_context(acme):
        story = Story.objects.get()
    page = client.post(f"{base}{story.pk}/", words | {"agreed_on": "2026-03-01", "most_seats": "80"}, follow=True).text
    assert "told to nobody" not in page
    assert "up to 80 seats" in page
    assert staff(acme, "leader").get(base).status_code == 200
    assert staff(acme, "csm").post(f"{base}{story.pk}/gone/").status_code == 403
    assert "told no more" in client.post(f"{base}{story.pk}/gone/", follow=True).text
    with tenant_context(acme):
        actions = AuditEvent.objects.filter(object_id=str(story.pk)).order_by("at").values_list("action", flat=True)
        assert list(actions) == ["story.add", "story.change", "story.remove"]


def test_a_program_keeps_stories(acme: Tenant, globex: Tenant) -> None:
    def api(of: Tenant, method: str, path: str, body: Any = None) -> Any:
        key = credential_create(tenant=of, name="program", actor=ACTOR)[1]
        client = Client(headers={"authorization": f"Bearer {key}"})
        return client.generic(method, f"/api/v1/stories{path}", body or "", content_type="application/json")

    with tenant_context(globex):
        theirs = str(make_account("Theirs").pk)
    made = api(acme, "POST", "", '{"title": "Closed", "customer": "Ada", "text": "Sooner.", "agreed_on": "2026-03-01"}')
    assert made.status_code == 201, made.content
    one = f"/{made.json()['id']}"
    assert api(acme, "PATCH", one, '{"industry": "Retail"}').json()["industry"] == "Retail"
    assert api(acme, "PATCH", one, f'{{"account": "{theirs}"}}').status_code == 400
    assert api(acme, "PATCH", one, '{"url": "http://x.example"}').json()["errors"][0]["pointer"] == "/url"
    assert [row["title"] for row in api(acme, "GET", "").json()["results"]] == ["Closed"]
    assert api(globex, "PATCH", one, '{"industry": "x"}').status_code == 404
    assert api(globex, "DELETE", one).status_code == 404
    assert api(acme, "DELETE", one).status_code == 204
    assert api(acme, "GET", one).status_code == 404
