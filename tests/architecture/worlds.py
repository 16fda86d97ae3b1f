"""A tenant with one of everything that a URL can name, for the access matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils import timezone

from advocacy.models import Ask, Candidate
from advocacy.resources.services import resource_create, resource_unlock
from hub.accounts.models import Account, AccountExternalId, AttributeDefinition, Contact, FieldConflict, SourceRule
from hub.accounts.services import (
    account_upsert,
    attribute_define,
    attributes_set,
    people_link,
    person_merge,
    source_rule_set,
)
from hub.accounts.services.winning import FIELDS
from hub.feedback.theme_services import theme_save
from hub.ingest.connectors.endpoints import endpoint_make as hook_make
from hub.ingest.imports.detect import ColumnProfile
from hub.ingest.imports.runs import mapping_keep
from hub.ingest.models import HookDelivery, ImportRun, ImportUpload, QuarantinedRow, SourceObject, WriteCall
from hub.ingest.pulling.services import access_give
from hub.ingest.writing.services import writing_set
from hub.outbound.exports.services import export_start
from hub.outbound.webhooks.services import endpoint_create, endpoint_test
from hub.outbox.models import Message, MessageStatus
from hub.outbox.services import consent_set, sending_stop, topic_save
from hub.outbox.services.content import snippet_save, template_save
from hub.outbox.services.stories import StoryWords, story_save
from hub.people.services import credential_create
from hub.plans.services import plan_create
from hub.portal.services import sign_in_prepare
from hub.revenue.models import Entitlement, FxRate, Product, Tier
from hub.shell.services.bulk import bulk_start
from hub.shell.services.views import view_save
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Playbook
from hub.work.playbooks import Content
from hub.work.services import playbook_save, task_open
from journeys.decisions.given import Given
from journeys.decisions.shipped import SHIPPED
from journeys.experiments.phases import phase_begin
from journeys.experiments.services import Plan, experiment_create
from journeys.models import Assignment, Choice, Enrollment, Experiment, Journey, Play, PlayVersion
from journeys.services import journeys_install
from metrics.planning.quarters import Quarter
from metrics.planning.services import commitment_add, focus_add
from qbr.models import Qbr, QbrBlock, QbrLine
from qbr.services import qbr_generate_all
from signals.backtest.models import BacktestRun
from signals.health.services import scorecard_create, scorecards_install
from signals.health.shipped import MEASURES
from signals.models import Prediction, PredictionModel, Signal, SignalBulk, Storm, Trigger
from signals.segments.services import segment_create
from tests.backtest.stage import backtested
from tests.world import ACTOR, make_account, make_contact, make_tenant

MAPPING = "source: crm\nfiles:\n  - {file: a.csv, entity: account, external_id: id, fields: {name: name}}\n"


@dataclass(frozen=True)
class World:
    """A tenant, and by URL parameter the id of an object of `account` (mine) and of another account of the tenant."""

    tenant: Tenant
    mine: dict[str, str]
    others: dict[str, str]


def make_world(slug: str, mark: str) -> World:
    """Make a tenant whose rows all carry `mark`, so that a leak of any of them can be seen in a page."""
    tenant = make_tenant(slug, name=f"{mark} {slug}")
    with tenant_context(tenant):
        journeys_install(actor=ACTOR)
        scorecards_install(actor=ACTOR)
        accounts = [make_account(f"{mark} {name}") for name in ("Mine", "Other")]
        contacts = [make_contact(a, f"{mark}.{n}@x.example", name=f"{mark} Kim") for n, a in enumerate(accounts)]
        for account in accounts:
            plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
        qbr_generate_all(tenant=tenant, actor=ACTOR)
        Qbr.objects.update(shared_at=timezone.now())
        ids = [_ids(account, contact, mark) for account, contact in zip(accounts, contacts, strict=True)]
    return World(tenant, *ids)


def _ids(account: Account, contact: Contact, mark: str) -> dict[str, str]:
    trigger = Trigger.objects.get(key="usage-decline")
    signal = Signal.objects.create(
        account=account,
        trigger=trigger,
        trigger_version=1,
        dedupe_key=f"x:{account.pk}",
        severity="warning",
        sentence=f"{mark} signal",
        occurred_at=timezone.now(),
    )
    block = QbrBlock.objects.get(qbr__account=account, kind="narrative")
    message = Message.objects.create(
        account=account,
        contact=contact,
        key=f"m:{account.pk}",
        channel="email",
        message_class="programme",
        purpose="expansion",
        subject=f"{mark} subject",
        body_html=f"<p>{mark} body</p>",
        body_text=f"{mark} body",
        status=MessageStatus.UNKNOWN,
    )
    candidate = Candidate.objects.create(account=account, contact=contact, reason=f"{mark} reason")
    product = Product.objects.create(name=f"{mark} {account.name}")
    tier = Tier.objects.create(product=product, name=f"{mark} tier", rank=1)
    entitlement = Entitlement.objects.create(tier=tier, measure=f"{mark} measure", kind="level", limit=5)
    rate = FxRate.objects.create(currency="EUR", on=date(2026, 1, FxRate.objects.count() + 1), rate=1)
    task = task_open(account_id=account.pk, title=f"{mark} task", origin_key=f"t:{account.pk}")
    journey = Journey.objects.get(key="activation")
    endpoint = endpoint_create(url=f"https://{mark}.example/", kinds=["signal.recorded"], actor=ACTOR)
    found = {
        "account_id": account.pk,
        "contact_id": contact.pk,
        "signal_id": signal.pk,
        "trigger_id": trigger.pk,
        **_planned(account, mark),
        **_scorecard(mark),
        **_many_signals(account, trigger, mark),
        "model_id": _model(account, mark),
        "task_id": task.pk,
        "ready_key": "win-back",
        "playbook_id": _playbook(mark).pk,
        **_people(account, contact, mark),
        "entitlement_id": entitlement.pk,
        "fx_rate_id": rate.pk,
        "milestone_id": account.milestones.get(key="kick-off").pk,
        "qbr_id": block.qbr_id,
        "block_id": block.pk,
        "line_id": QbrLine.objects.filter(block=block)[0].pk,
        "candidate_id": candidate.pk,
        **_advocacy(account, contact, mark),
        "journey_id": journey.pk,
        "node_id": _message_node(journey),
        "enrollment_id": Enrollment.objects.create(
            account=account, journey=journey, version=1, node_id=_message_node(journey)
        ).pk,
        "message_id": message.pk,
        "quarter": block.qbr.quarter,
        "credential_id": credential_create(tenant=account.tenant, name=f"{mark} key", actor=ACTOR)[0].pk,
        "endpoint_id": endpoint.pk,
        "delivery_id": endpoint_test(endpoint=endpoint, actor=ACTOR).pk,
        "export_id": export_start(list_key="accounts", format="csv", filters={}, actor=ACTOR).pk,
        "bulk_id": bulk_start(changes={"owner": None}, account_ids=[account.pk], actor=ACTOR).pk,
        "view_id": view_save(
            list_key="accounts", name=f"{mark} {account.name}", params={}, owner=None, shared=True, actor=ACTOR
        ).pk,
        "token": sign_in_prepare(email=contact.email).token,
        "theme_key": theme_save(title=f"{mark} {account.name}", phrases=[f"{mark} phrase"], actor=ACTOR).key,
        **_decided(account, mark),
        **_sending(account, contact, mark),
        "experiment_id": _experiment(account, journey, mark).pk,
        **_hooks(mark),
        **_import(mark),
    }
    return {name: str(value) for name, value in found.items()}


def _playbook(mark: str) -> Playbook:
    content = Content((f"{mark} step",), f"{mark} talk")
    return playbook_save(playbook=None, name=f"{mark} playbook", description=mark, content=content, actor=ACTOR)


def _experiment(account: Account, journey: Journey, mark: str) -> Experiment:
    """An experiment on a message that the account has an arm of; one runs on a step at a time, so it is over."""
    plan = Plan(f"{mark} experiment", f"{mark} hypothesis", baseline=0.2, change=0.1)
    made = experiment_create(journey=journey, node_id=_message_node(journey), plan=plan, actor=ACTOR)
    phase = phase_begin(made, mark, [{"label": f"{mark} {arm}", "weight": 50} for arm in "AB"])
    Experiment.objects.filter(pk=made.pk).update(status="ended", started_at=timezone.now())
    Assignment.objects.create(phase=phase, account=account, enrollment_id=account.pk, arm=0)
    return made


def _sending(account: Account, contact: Contact, mark: str) -> dict[str, object]:
    """A topic of the tenant's own, and a word of the contact about it."""
    key = f"{mark}-{account.pk}"[:60].lower()
    topic = topic_save(key=key, name=f"{mark} topic {account.pk}", description=mark, silence="rule", actor=ACTOR)
    consent_set(contact=contact, status="granted", source=f"{mark} form", actor=ACTOR, topic=key)
    stop = sending_stop(actor=ACTOR, why=mark, group_id=account.pk, label=f"{mark} journey")
    words = {"": {"subject": f"{mark} subject", "body": f"<p>{mark} body</p>"}}
    template = template_save(name=f"{mark} {account.pk}", topic=key, wordings=words, actor=ACTOR)
    snippet = snippet_save(key=f"{mark}_{account.pk}"[:50].lower(), wordings={"": mark}, actor=ACTOR)
    told = StoryWords(f"{mark} story", f"{mark} customer", f"{mark} text", account_id=account.pk)
    story = story_save(words=told, actor=ACTOR)
    ids = {"template_id": template.pk, "snippet_id": snippet.pk, "story_id": story.pk}
    return {"topic_key": topic.key, "stop_id": stop.pk, **ids}


def _decided(account: Account, mark: str) -> dict[str, object]:
    """A play of the tenant's own, and a choice of it that waits for a word."""
    play = Play.objects.create(key=f"p-{account.pk}", name=f"{mark} play", terms=SHIPPED[2].terms().as_json())
    PlayVersion.objects.create(play=play, number=1, name=play.name, terms=play.terms, made_by=mark)
    now = timezone.now()
    given = Given(str(account.tenant_id), str(account.pk), now.isoformat(), f"{now:%Y-%m-%d}", f"{mark} stage", {})
    choice = Choice.objects.create(
        account=account, day=timezone.localdate(), cause="day", given=given.as_json(), play=play, play_version=1,
        purpose="renewal", why=f"{mark} why", status="asked", expires_at=timezone.now(),
    )  # fmt: skip
    return {"play_id": play.pk, "choice_id": choice.pk}


def _advocacy(account: Account, contact: Contact, mark: str) -> dict[str, object]:
    """A resource that the account may have, and an ask that its contact has not answered."""
    resource = resource_create(title=f"{mark} {account.name}", url=f"https://{mark.lower()}.example/", actor=ACTOR)
    resource_unlock(resource=resource, account=account, cause=f"{mark} cause")
    ask = Ask.objects.create(
        account=account, contact=contact, kind="review", level="reference", text=f"{mark} ask", cause=f"a:{account.pk}"
    )
    return {"resource_id": resource.pk, "ask_id": ask.pk}


def _many_signals(account: Account, trigger: Trigger, mark: str) -> dict[str, object]:
    """A storm that waits for a decision, and an act on many signals that is not through."""
    key = f"storm-{account.pk}"[:64]
    own = Trigger.objects.create(key=key, name=f"{mark} trigger", family="usage", kind="computed", rule={"all": []})
    storm = Storm.objects.create(trigger=own, began_at=timezone.now(), limit=1, window_minutes=60, held=0)
    bulk = SignalBulk.objects.create(action="resolve", total=1, asked_label=f"{mark} person")
    return {"storm_id": storm.pk, "signal_bulk_id": bulk.pk}


def _scorecard(mark: str) -> dict[str, object]:
    """A scorecard with the back-test that its publishing needed."""
    rule = {"fact": "segment", "op": "in", "value": [mark]}
    run = backtested(MEASURES, rule=rule)
    BacktestRun.objects.filter(pk=run.pk).update(name=f"{mark} draft", asked_label=mark)
    card = scorecard_create(
        name=f"{mark} card", rule=rule, measures=MEASURES, bands=(40, 70), note=f"{mark} note", user=None, actor=ACTOR
    )
    return {"scorecard_id": card.pk, "backtest_id": run.pk}


def _model(account: Account, mark: str) -> UUID:
    """A published model with a prediction for the account, which takes the place of the account's before."""
    PredictionModel.objects.update(is_published=False)
    model = PredictionModel.objects.create(
        target="churn", kind="churn", number=PredictionModel.objects.count() + 1, status="validated",
        reason=f"{mark} reason", asked_label=mark, is_published=True, predicted_on=timezone.localdate(),
    )  # fmt: skip
    reason = {"key": "k", "label": f"{mark} feature", "value": 1, "usual": 2, "effect": 0.5, "money": False}
    Prediction.objects.create(
        account=account, kind="churn", model=model, day=timezone.localdate(), percent=7, reasons=[reason]
    )
    found: UUID = model.pk
    return found


def _planned(account: Account, mark: str) -> dict[str, object]:
    """A segment in the plan of the quarter, with a commitment."""
    rule = {"fact": "seats", "op": "gte", "value": 1}
    segment = segment_create(name=f"{mark} {account.name}", rule=rule, user=None, actor=ACTOR)
    focus = focus_add(
        quarter=Quarter.of(timezone.localdate()), segment=segment, priority="expansion", cs_owner=None,
        marketing_owner=None, target=f"{mark} target", actor=ACTOR,
    )  # fmt: skip
    promised = commitment_add(focus=focus, side="cs", text=f"{mark} promise", due_on=None, actor=ACTOR)
    return {"segment_id": segment.pk, "focus_id": focus.pk, "commitment_id": promised.pk}


def _hooks(mark: str) -> dict[str, object]:
    """A connection that is read and may be written to, with a call whose customer nobody knows."""
    endpoint = hook_make(source="hubspot", label=f"{mark} connection", secret=f"whsec_{mark}", actor=ACTOR)
    access_give(endpoint=endpoint, secret=f"rk_{mark}_key", actor=ACTOR)
    thing = SourceObject.objects.create(
        source="hubspot",
        connector="hubspot",
        kind="company",
        external_id=f"{mark}_{endpoint.pk}",
        name=f"{mark} customer",
    )
    delivery = HookDelivery.objects.create(
        endpoint=endpoint,
        event_id=f"{mark} event",
        kind="customer.updated",
        body=f'{{"mark": "{mark}"}}'.encode(),
        state="unmatched",
    )
    writing = writing_set(endpoint=endpoint, fields={"stage": f"t_{mark.lower()}"}, on=False, actor=ACTOR)
    entry = {"account": str(thing.pk), "name": mark, "external_id": mark, "values": {mark: mark}, "outcome": mark}
    call = WriteCall.objects.create(writing=writing, at=timezone.now(), code=200, request=mark, entries=[entry])
    return {
        "write_call_id": call.pk,
        "hook_endpoint_id": endpoint.pk,
        "hook_delivery_id": delivery.pk,
        "source_object_id": thing.pk,
    }


def _import(mark: str) -> dict[str, object]:
    """A finished import with a file, a refused row and a mapping kept under a name."""
    run = ImportRun.objects.create(source=f"{mark} source", mapping=f"{mark} mapping", status="done", origin="browser")
    columns = [ColumnProfile(name, "text", 1.0, True, examples=(f"{mark} cell",)) for name in ("id", "name")]
    ImportUpload.objects.create(
        run=run,
        position=0,
        name=f"{mark}.csv",
        size=1,
        sha256="0",
        status="read",
        profile={"rows": 1, "names": ["id", "name"], "columns": [column.as_dict() for column in columns]},
    )
    QuarantinedRow.objects.create(run=run, file=f"{mark}.csv", line=2, reason="no_id", message="-", row={"name": mark})
    kept = mapping_keep(name=f"{mark} {run.pk}", content=MAPPING, actor=ACTOR)
    return {"run_id": run.pk, "mapping_id": kept.pk, "position": 0}


def _people(account: Account, contact: Contact, mark: str) -> dict[str, object]:
    """A person who was merged once, and an attribute with a value."""
    second = make_contact(account, f"{mark}.second.{account.pk}@x.example", name=f"{mark} Second")
    people_link([account.pk])
    contact.refresh_from_db()
    second.refresh_from_db()
    assert contact.person is not None
    assert second.person is not None
    event = person_merge(keep=contact.person, other=second.person, actor=ACTOR)
    key = f"field_{AttributeDefinition.objects.count()}"
    field = attribute_define(entity="account", key=key, label=f"{mark} field", kind="text", actor=ACTOR)
    attributes_set(account=account, values={key: f"{mark} value"}, actor=ACTOR)
    conflict, rule = _provenance(account, mark)
    return {
        "conflict_id": conflict,
        "source_rule_id": rule,
        "person_id": contact.person_id,
        "person_event_id": event.pk,
        "attribute_id": field.pk,
    }


def _provenance(account: Account, mark: str) -> tuple[UUID, UUID]:
    """A conflict between two sources, and a rule for a field."""
    for source in ("crm", "billing"):
        link, _ = AccountExternalId.objects.get_or_create(source=source, value=str(account.pk), account=account)
        account_upsert(source=source, external_id=link.value, fields={"segment": f"{mark} {source}"})
    fields = sorted(FIELDS["account"])
    rule = source_rule_set(entity="account", field=fields[SourceRule.objects.count()], kind="newest", actor=ACTOR)
    return FieldConflict.objects.get(account=account).pk, rule.pk


def _message_node(journey: Journey) -> str:
    graph = journey.versions.latest("number").graph
    return str(next(node["id"] for node in graph["nodes"] if node["kind"] == "email"))
