"""The builder's pages: building from empty, the optimistic lock, undo, testing, publishing with its impact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import Account
from hub.outbox.models import Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys import working
from journeys.drafts import operations as ops
from journeys.drafts.models import DraftRevision, PublishRequest
from journeys.drafts.publishing import draft_publish, prospect
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import draft_change, draft_redo, draft_undo, journey_create
from journeys.drafts.shape import BEGINNING, Gap
from journeys.models import Enrollment, Journey, JourneyVersion, StepRun
from journeys.services import PublishConflict
from signals.segments.models import SegmentMember
from signals.segments.services import segment_create
from tests.journeys import stage
from tests.world import ACTOR, make_contact, make_member


@pytest.fixture
def account(acme: Tenant) -> Account:
    return stage.set_up(acme)


@pytest.fixture
def marketer(acme: Tenant, account: Account) -> Client:
    client = Client()
    client.force_login(make_member(acme, "marketer", "mara@acme.example").user)
    return client


@pytest.fixture
def inside(acme: Tenant) -> Iterator[None]:
    with tenant_context(acme):
        yield


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


class Builder:
    """A person at the builder of one journey, who always acts on the draft as it is."""

    def __init__(self, tenant: Tenant, client: Client, journey: Journey) -> None:
        self.tenant, self.client, self.journey = tenant, client, journey
        self.base = f"/t/{tenant.slug}/journeys/{journey.pk}/"

    @property
    def draft(self) -> Any:
        with tenant_context(self.tenant):
            return current_draft(self.journey)

    def act(self, act: str, **fields: Any) -> Any:
        sent = {"seen": self.draft.revision, "act": act, **fields}
        return self.client.post(f"{self.base}build/act/", sent)

    def add(self, kind: str, gap: str, **fields: Any) -> str:
        made = self.act("insert", kind=kind, gap=gap)
        node = str(made["Location"].split("#node-")[1])
        if fields:
            self.fill(f"build/step/{node}/", **fields)
        return node

    def fill(self, path: str, **fields: Any) -> Any:
        sent = {"seen": self.draft.revision, "save": "1"} | {
            name.replace("__", "."): value for name, value in fields.items()
        }
        return self.client.post(f"{self.base}{path}", sent)

    def page(self, path: str = "build/", **query: Any) -> str:
        found = self.client.get(f"{self.base}{path}", query)
        assert found.status_code == 200
        return str(found.text)


@pytest.fixture
def builder(acme: Tenant, marketer: Client) -> Builder:
    made = marketer.post("/t/acme/journeys/new/", {"name": "Welcome", "purpose": "onboarding", "owner": "marketing"})
    with tenant_context(acme):
        journey = Journey.objects.get(name="Welcome")
    assert made["Location"] == f"/t/acme/journeys/{journey.pk}/build/"
    return Builder(acme, marketer, journey)


def welcome(builder: Builder) -> dict[str, str]:
    """Build: a message when a milestone is reached, a wait, a task."""
    builder.fill("build/begins/", **{"f__trigger": "milestone-reached", "f__reentry/rule": "once"})
    mail = builder.add(
        "email",
        ":start",
        f__to__role=["champion", "", ""],
        f__to__fallback="any_contact",
        f__class="service",
        f__subject="Hello {{ contact.first_name }}",
        f__body="<p>Next: {{ milestones.next }}</p>",
    )
    wait = builder.add("wait", f"{mail}:/next", f__rule__unit="days", f__rule__count="3")
    task = builder.add("task", f"{wait}:/next", f__title="Call {{ account.name }}", f__owner="account_owner")
    builder.act("goal")
    goal = next(node["id"] for node in builder.draft.graph["nodes"] if node["kind"] == "goal")
    rule = {"fact": "activated_on", "op": "is_set", "value": "", "second": "", "sense": "", "running": "", "group": ""}
    builder.fill(f"build/step/{goal}/", f__label="Activated", match="all", **rule)
    return {"mail": mail, "wait": wait, "task": task, "goal": goal}


def publish(builder: Builder, **fields: Any) -> Any:
    with tenant_context(builder.tenant):
        live = Journey.objects.get(pk=builder.journey.pk).live
    sent = {"seen": builder.draft.revision, "live": live, **fields}
    return builder.client.post(f"{builder.base}publish/", sent)


def test_a_wait_until_a_date_is_built_in_fields_with_a_way_for_those_without_it(builder: Builder) -> None:
    wait = builder.add("wait", ":start", f__rule__unit="days", f__rule__count="3")
    path = f"build/step/{wait}/"
    page = builder.page(path)
    assert "days before or after a date" in page
    assert 'name="f.rule.date"' in page
    date = {"f__rule__unit": "date", "f__rule__date": "renews_on", "f__rule__count": "90", "f__rule__side": "before"}
    builder.fill(path, **date, f__rule__at="09:00", f__on_missing="1")
    node = next(each for each in builder.draft.graph["nodes"] if each["id"] == wait)
    assert node["rule"] == {"date": "renews_on", "offset_days": -90, "at": "09:00"}
    assert node["on_missing"] == node["next"]
    assert 'name="f.rule.text"' not in builder.page(path)
    ask = builder.add("task", f"{wait}:/on_missing", f__title="Ask when", f__owner="account_owner")
    assert "when there is no such date" in flat(builder.page()).lower()
    builder.fill(path, f__rule__unit="days", f__rule__count="3")
    assert "would be cut off" in builder.page()
    builder.act("delete", node=ask)
    builder.fill(path, f__rule__unit="days", f__rule__count="3", f__on_missing="1")
    node = next(each for each in builder.draft.graph["nodes"] if each["id"] == wait)
    assert (node["rule"], "on_missing" in node) == ({"days": 3}, False)


def test_a_journey_is_built_from_empty_tested_published_and_runs(
    acme: Tenant, account: Account, builder: Builder
) -> None:
    assert "Choose what begins it" in builder.page()
    steps = welcome(builder)
    text = flat(builder.page())
    for words in ("Hello [contact first_name]", "Wait 3 days", "Call [account name]", "Activated", "Nothing wrong"):
        assert words in text
    with tenant_context(acme):
        before = (Message.objects.count(), Task.objects.count(), Enrollment.objects.count(), StepRun.objects.count())
    tested = flat(builder.page("test/", account=str(account.pk)))
    for words in ("Hello Kim", "Would be sent", "Call Northwind", "has not given the signal yet"):
        assert words in tested, words
    with tenant_context(acme):
        counts = (Message.objects.count(), Task.objects.count(), Enrollment.objects.count(), StepRun.objects.count())
        assert counts == before, "a test writes nothing"
    assert publish(builder)["Location"] == builder.base
    stage.plan(acme, account)
    with tenant_context(acme):
        Journey.objects.filter(key="activation").update(status="archived")
    stage.reach(acme, "kick-off")
    stage.run(acme)
    with tenant_context(acme):
        found = Enrollment.objects.get(journey=builder.journey)
        assert (found.node_id, found.version) == (steps["wait"], 1)
        assert Message.objects.get().subject == "Hello Kim"


def test_publishing_says_what_becomes_of_the_accounts_inside_and_it_does(
    acme: Tenant, account: Account, builder: Builder
) -> None:
    steps = welcome(builder)
    publish(builder)
    stage.plan(acme, account)
    with tenant_context(acme):
        Journey.objects.filter(key="activation").update(status="archived")
    stage.reach(acme, "kick-off")
    stage.run(acme)
    builder.act("delete", node=steps["wait"])
    page = builder.page("publish/")
    assert "Gone: wait 3 days" in page
    assert re.search(r'data-fate="redirected"><span[^>]*>1<', page)
    assert f'<option value="{steps["task"]}" selected>' in page
    leaving = builder.page("publish/", **{f"to.{steps['wait']}": "-"})
    assert re.search(r'data-fate="journey_changed"><span[^>]*>1<', leaving)
    publish(builder)
    with tenant_context(acme):
        assert Enrollment.objects.get(journey=builder.journey).node_id == steps["task"]


def test_a_stale_act_is_refused_and_a_stale_form_shows_both(builder: Builder) -> None:
    steps = welcome(builder)
    seen = builder.draft.revision
    builder.fill(f"build/step/{steps['task']}/", f__title="Ring them", f__owner="account_owner")
    refused = builder.client.post(f"{builder.base}build/act/", {"seen": seen, "act": "delete", "node": steps["task"]})
    assert "has changed the draft meanwhile" in builder.client.get(refused["Location"]).text
    stale = builder.client.post(
        f"{builder.base}build/step/{steps['task']}/",
        {"seen": seen, "save": "1", "f.title": "Mine", "f.owner": "marketing"},
    )
    assert stale.status_code == 409
    assert 'value="Mine"' in stale.text
    assert "Ring them" in stale.text
    over = re.search(r'name="seen" value="(\d+)"', stale.text)
    assert over is not None
    assert int(over[1]) == builder.draft.revision, "saving again puts it in its place"


def test_what_is_wrong_with_a_form_is_said_there_and_kept(builder: Builder) -> None:
    steps = welcome(builder)
    found = builder.fill(f"build/step/{steps['wait']}/", f__rule__unit="days", f__rule__count="many")
    assert found.status_code == 422
    assert 'value="many"' in found.text
    assert "from 1 to 730" in found.text


def test_undo_and_redo_restore_exactly(acme: Tenant, builder: Builder, inside: None) -> None:
    journey, graphs = builder.journey, [builder.draft.graph]
    for kind in ("task", "branch", "wait"):
        current = current_draft(journey)
        changed = draft_change(
            journey=journey,
            seen=current.revision,
            change=lambda graph, kind=kind: ops.insert(graph, BEGINNING, kind)[0],  # type: ignore[misc]  # bound now
            words=kind,
            actor=ACTOR,
        )
        graphs.append(changed.graph)
    for graph in reversed(graphs[:-1]):
        assert draft_undo(journey=journey, seen=current_draft(journey).revision, actor=ACTOR).graph == graph
    first = current_draft(journey)
    assert draft_undo(journey=journey, seen=first.revision, actor=ACTOR) == first
    for graph in graphs[1:]:
        assert draft_redo(journey=journey, seen=current_draft(journey).revision, actor=ACTOR).graph == graph
    assert current_draft(journey).redo == 0
    numbers = list(DraftRevision.objects.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) == len(graphs)


def test_of_two_publishings_at_once_one_wins_and_the_other_is_told(acme: Tenant, builder: Builder) -> None:
    welcome(builder)
    revision = builder.draft.revision
    assert publish(builder).status_code == 302
    late = builder.client.post(f"{builder.base}publish/", {"seen": revision, "live": 0})
    assert late.status_code == 409
    assert "Version 1 was published by somebody else" in late.text
    with tenant_context(acme):
        assert JourneyVersion.objects.filter(journey=builder.journey).count() == 1
        with pytest.raises(PublishConflict):
            draft_publish(journey=builder.journey, seen=revision, live=0, tenant=acme, actor=ACTOR)


def test_a_programme_needs_a_topic_and_its_hypothesis(builder: Builder) -> None:
    steps = welcome(builder)
    sent = {
        "f__to__role": ["champion"],
        "f__to__fallback": "skip",
        "f__class": "programme",
        "f__subject": "Hello",
        "f__body": "<p>Hi</p>",
    }
    builder.fill(f"build/step/{steps['mail']}/", **sent)
    page = flat(builder.page("publish/"))
    assert "needs a topic" in page
    assert "it lacks: input, accounts, baseline" in page
    assert publish(builder).status_code == 409
    builder.fill(f"build/step/{steps['mail']}/", **sent, f__topic="growth")
    parts = ("input", "accounts", "baseline", "expected_change", "by_when", "measure", "comparison")
    settings = {"name": "Welcome", "purpose": "expansion", "owner": "marketing"}
    saved = builder.client.post(f"{builder.base}settings/", settings | {f"hypothesis.{part}": "x" for part in parts})
    assert saved.status_code == 302
    assert publish(builder).status_code == 302


def test_what_reaches_many_waits_for_a_second_person(acme: Tenant, account: Account, builder: Builder) -> None:
    welcome(builder)
    stage.plan(acme, account)
    stage.reach(acme, "kick-off")
    stage.evaluate(acme)
    assert builder.client.post("/t/acme/journeys/second-person/", {"recipients": "1"}).status_code == 302
    acme.refresh_from_db()
    assert acme.settings["journeys"] == {"approve_above": 1}
    with tenant_context(acme):
        assert prospect(builder.journey, acme).validation.volume.recipients == 1, "one is not above one"
        make_contact(account, "lee@northwind.example", roles=["champion"])
    assert publish(builder)["Location"] == f"{builder.base}publish/"
    with tenant_context(acme):
        waiting = PublishRequest.objects.get()
        assert not JourneyVersion.objects.filter(journey=builder.journey).exists()
    decide = {"request": str(waiting.pk), "word": "approve"}
    builder.client.post(f"{builder.base}publish/decide/", decide)
    with tenant_context(acme):
        assert PublishRequest.objects.get().state == "open", "nobody approves their own"
    other = Client()
    other.force_login(make_member(acme, "admin", "ada@acme.example").user)
    assert other.post(f"{builder.base}publish/decide/", decide)["Location"] == builder.base
    with tenant_context(acme):
        assert PublishRequest.objects.get().state == "approved"
        assert JourneyVersion.objects.get(journey=builder.journey).number == 1


def test_doubts_are_told_and_do_not_stop(acme: Tenant, builder: Builder) -> None:
    steps = welcome(builder)
    builder.act("delete", node=steps["goal"])
    text = flat(builder.page("publish/"))
    assert "No goal" in text
    assert "“Activation” begins with the same signal" in text
    assert publish(builder).status_code == 302


def test_an_older_version_comes_back_as_a_draft(acme: Tenant, builder: Builder) -> None:
    steps = welcome(builder)
    publish(builder)
    builder.act("delete", node=steps["task"])
    publish(builder)
    builder.client.post(f"{builder.base}restore/", {"version": "1"})
    assert steps["task"] in [node["id"] for node in builder.draft.graph["nodes"]]
    with tenant_context(acme):
        assert Journey.objects.get(pk=builder.journey.pk).live == 2
        impact = prospect(builder.journey, acme).impact
    assert impact is not None
    assert impact.fates == {}


def test_a_journey_is_copied_and_put_away(acme: Tenant, account: Account, builder: Builder) -> None:
    with tenant_context(acme):
        activation = Journey.objects.get(key="activation")
    stage.plan(acme, account)
    stage.reach(acme, "kick-off")
    stage.run(acme)
    builder.client.post(
        "/t/acme/journeys/new/",
        {"name": "Copy", "purpose": "onboarding", "owner": "cs", "source": f"journey:{activation.pk}"},
    )
    with tenant_context(acme):
        copy = Journey.objects.get(name="Copy")
        assert current_draft(copy).graph == current_draft(activation).graph
        assert copy.hypothesis == activation.hypothesis
    builder.client.post(f"/t/acme/journeys/{activation.pk}/archive/")
    with tenant_context(acme):
        assert Enrollment.objects.get(journey=activation).reason == "removed"
    stage.reach(acme, "invite-team")
    stage.run(acme)
    with tenant_context(acme):
        assert Enrollment.objects.filter(journey=activation).count() == 1, "nothing begins any more"
    listed = f"/t/acme/journeys/{activation.pk}/"
    assert listed not in builder.client.get("/t/acme/journeys/").text
    assert listed in builder.client.get("/t/acme/journeys/?archived=1").text


def test_the_tree_can_be_cut_pasted_and_searched(builder: Builder) -> None:
    steps = welcome(builder)
    assert builder.page("build/", cut=steps["task"]).count("Paste here") >= 3
    builder.act("move", node=steps["task"], gap=":start")
    assert builder.draft.graph["start"] == steps["task"]
    found = flat(builder.page("build/", q="ring"))
    assert "No step says “ring”" in found
    drawer = builder.client.get(f"{builder.base}build/add/", {"gap": ":start"}, headers={"HX-Request": "true"})
    assert "<dialog" in drawer.text
    assert "<html" not in drawer.text
    gone = builder.client.get(f"{builder.base}build/add/", {"gap": "gone:/next"}, follow=True)
    assert "no such place any more" in gone.text


def test_a_branch_is_built_case_by_case(builder: Builder) -> None:
    welcome(builder)
    branch = builder.add("branch", ":start")
    builder.act("arm_add", node=branch)
    rule = {"fact": "seats", "op": "gte", "value": "5", "second": "", "sense": "", "running": "", "group": ""}
    for place in ("0", "1"):
        page = builder.page(f"build/step/{branch}/", arm=place)
        assert "Taken when" in page
        builder.fill(f"build/step/{branch}/", arm=place, f__label=f"Way {place}", match="all", **rule)
    cases = next(node for node in builder.draft.graph["nodes"] if node["id"] == branch)["cases"]
    assert [case["label"] for case in cases] == ["Way 0", "Way 1"]
    assert all(case["when"] and case["next"] for case in cases)
    builder.act("insert", kind="task", gap=str(Gap(branch, "/cases/0/next")))
    builder.act("arm_remove", node=branch, place="0")
    assert len(next(node for node in builder.draft.graph["nodes"] if node["id"] == branch)["cases"]) == 1


def test_an_empty_draft_says_what_it_lacks(acme: Tenant, inside: None) -> None:
    journey = journey_create(name="Empty", purpose="adoption", actor=ACTOR)
    found = prospect(journey, acme)
    assert found.impact is None
    assert {finding.pointer for finding in found.validation.wrong} == {"/entry/trigger"}


def test_a_journey_may_begin_with_a_segment_and_say_how_many_come_in_at_once(
    acme: Tenant, account: Account, builder: Builder
) -> None:
    welcome(builder)
    with tenant_context(acme):
        segment = segment_create(
            name="Everybody", rule={"fact": "seats", "op": "is_set"}, user=None, actor=ACTOR, description=""
        )
        SegmentMember.objects.get_or_create(segment=segment, account=account, defaults={"joined_on": date(2020, 1, 1)})
    page = builder.page("build/begins/", way="segment")
    assert f'<option value="{segment.key}"' in page
    fields = {"f__segment": segment.key, "f__on": "joined", "f__reentry/rule": "once", "f__existing": "1"}
    builder.fill("build/begins/", way="segment", **fields)
    assert builder.draft.graph["entry"] == {
        "segment": segment.key,
        "on": "joined",
        "existing": True,
        "reentry": {"rule": "once"},
    }
    assert "for the 1 accounts in the segment" in flat(builder.page("publish/"))
    assert publish(builder).status_code == 302
    working.drain(acme.pk)
    with tenant_context(acme):
        assert Enrollment.objects.filter(journey=builder.journey).count() == 1
