"""Forms of the builder: a step, one of its ways, how the journey begins and when it is left; drawer or page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages as flash
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from hub.accounts.models import ContactRole
from hub.outbox.models import MailTemplate
from hub.outbox.topics import topics_known
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from hub.rules.language import parse_stored
from hub.shell.rule_form import Draft, acted, builder_context, draft_of, read_draft, typed
from hub.work.selectors import playbook_choices
from journeys.config_paths import with_values
from journeys.drafts import operations as ops
from journeys.drafts.diff import words
from journeys.drafts.selectors import Current, current_draft
from journeys.drafts.services import StaleDraft, draft_change
from journeys.drafts.shape import Shape
from journeys.drafts.views import address, drawer, journey_of, number_of, page_or_drawer
from journeys.entry_forms import ENTRIES, EXIT_WHEN, entry_way, entry_with
from journeys.graph import GraphError
from journeys.models import Journey
from journeys.node_forms import FieldKind, NodeField, days_known, node_forms, read, show, show_typed
from journeys.node_kinds import FALLBACKS, node_kinds
from journeys.recipients import SIGNAL_CONTACT
from journeys.tree import spoken
from journeys.waits import WEEKDAYS, date_of
from journeys.wordings import taken
from signals.models import Trigger
from signals.segments.models import Segment

RULE_BUTTONS = ("add", "remove", "remove_group", "look")
UNITS = (
    ("minutes", "minutes"),
    ("hours", "hours"),
    ("days", "days"),
    ("business_days", "business days"),
    ("until", "until a time of day"),
)

Change = Callable[[Mapping[str, Any], dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Form:
    """A form of the builder: what is edited, where it stands in the graph, and how it is written back.

    ``config`` of a graph: what the form shows; None when it is gone from the draft. ``write``: the graph with it.
    """

    title: str
    what: str
    fields: Sequence[NodeField]
    config: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    write: Change
    node: str = ""

    @property
    def rule(self) -> NodeField | None:
        return next((field for field in self.fields if field.kind is FieldKind.RULE), None)


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: StaffRequest, journey_id: UUID, node_id: str) -> HttpResponse:
    """A step's form; with `?arm=` that of one of its ways."""
    journey = journey_of(journey_id)
    shape = Shape(current_draft(journey).graph)
    if node_id not in shape.nodes:
        raise Http404
    given = request.POST if request.method == "POST" else request.GET
    form = _step_form(shape, node_id) if not given.get("arm") else _arm_form(shape, node_id, number_of(given, "arm"))
    return _answer(request, journey, form, _ways(shape, node_id) if not given.get("arm") else {})


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """How the journey begins: a form for each way in."""
    journey = journey_of(journey_id)
    given = request.POST if request.method == "POST" else request.GET
    asked = given.get("way", "")
    way = asked if asked in ENTRIES else entry_way(current_draft(journey).graph.get("entry") or {})
    form = Form(
        "How it begins",
        "What lets an account enter, and under which conditions.",
        ENTRIES[way][1],
        lambda graph: graph.get("entry") or {},
        lambda graph, config: ops.entry_set(graph, entry_with(config, way, {})),
    )
    ways = [(key, title, key == way) for key, (title, _) in ENTRIES.items()]
    return _answer(request, journey, form, {"way": way, "entry_ways": ways})


@staff_page("journeys.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def leave_rule(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """The rule by which accounts leave from wherever they stand."""
    form = Form(
        "When it is left",
        "An account of which this becomes true leaves from wherever it stands.",
        EXIT_WHEN.fields,
        lambda graph: {"exit_when": graph.get("exit_when")} if graph.get("exit_when") is not None else {},
        lambda graph, config: ops.exit_rule_set(graph, config.get("exit_when")),
    )
    return _answer(request, journey_of(journey_id), form, {})


def _step_form(shape: Shape, node_id: str) -> Form:
    kind = shape.kind(node_id)
    fields = node_forms.get(kind).all_fields if kind in node_forms else ()
    return Form(
        node_kinds.get(kind).title,
        spoken(words(shape.nodes[node_id], known_facts()), {}),
        fields,
        lambda graph: Shape(graph).nodes.get(node_id),
        partial(_wait_write if kind == "wait" else _step_write, node_id),
        node_id,
    )


def _step_write(node_id: str, graph: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    return ops.edit(graph, node_id, config)


def _wait_write(node_id: str, graph: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """A wait with its way for those without the date; only a wait until a date has one."""
    wanted = bool(config.get("on_missing")) and bool(date_of(config.get("rule")))
    own = {name: value for name, value in config.items() if name != "on_missing"}
    return ops.missing_way(ops.edit(graph, node_id, own), node_id, wanted)


def _arm_form(shape: Shape, node_id: str, place: int) -> Form:
    kind = shape.kind(node_id)
    arms = node_forms.get(kind).arms if kind in node_forms else None
    if arms is None:
        raise Http404

    def config(graph: Mapping[str, Any]) -> Mapping[str, Any] | None:
        listed = (Shape(graph).nodes.get(node_id) or {}).get(arms.name) or []
        return listed[place] if 0 <= place < len(listed) else None

    if config({"start": shape.start, "nodes": list(shape.nodes.values())}) is None:
        raise Http404
    return Form(
        f"{node_kinds.get(kind).title}: {arms.noun} {place + 1}",
        "The first whose condition holds is taken, from top to bottom.",
        arms.fields,
        config,
        lambda graph, config: ops.arm_edit(graph, node_id, place, config),
        node_id,
    )


def _ways(shape: Shape, node_id: str) -> dict[str, Any]:
    """What the form of a step offers beside its fields: its ways, and how it is deleted."""
    kind = shape.kind(node_id)
    form = node_forms.get(kind) if kind in node_forms else None
    listed = (shape.nodes[node_id].get(form.arms.name) or []) if form and form.arms else []
    noun = form.arms.noun if form and form.arms else ""
    arms = [(place, arm.get("label") or f"{noun} {place + 1}".capitalize()) for place, arm in enumerate(listed)]
    return {
        "arms": arms,
        "several": [(port.pointer, port.name) for port in shape.ports[node_id]]
        if len(shape.ports[node_id]) > 1
        else [],
        "meets": bool(shape.exit_of(node_id)),
    }


# --- One form for all of them -------------------------------------------------------------------------------------


def _answer(request: StaffRequest, journey: Journey, form: Form, extra: dict[str, Any]) -> HttpResponse:
    draft = current_draft(journey)
    config = form.config(draft.graph)
    if config is None:
        raise Http404
    if request.method != "POST":
        return _page(request, journey, form, draft, config, extra)
    given = request.POST
    rule = acted(typed(given), given) if form.rule else Draft()
    inputs = {name: [str(value) for value in given.getlist(name)] for name in given}
    found = read(form.fields, inputs)
    if any(name in given for name in RULE_BUTTONS):
        return _page(request, journey, form, draft, config, extra, inputs=inputs, rule=rule)
    values, problems = dict(found.values), dict(found.problems)
    if form.rule:
        told = read_draft(rule, request.tenant)
        rule, values[form.rule.name] = told.draft, told.tree
        if told.draft.wrong:
            problems[form.rule.name] = "see below"
    if problems:
        again: dict[str, Any] = {"inputs": inputs, "rule": rule, "problems": problems}
        return _page(request, journey, form, draft, config, extra, status=422, **again)
    return _saved(request, journey, form, values, {"inputs": inputs, "rule": rule}, extra)


def _saved(
    request: StaffRequest, journey: Journey, form: Form, values: Mapping[str, Any], again: dict[str, Any], extra: Any
) -> HttpResponse:
    def change(graph: Mapping[str, Any]) -> dict[str, Any]:
        config = form.config(graph)
        if config is None:
            raise ops.OperationError("it is not in the draft any more")
        return form.write(graph, with_values(config, {**values, **_from_template(config, values)}))

    try:
        draft_change(
            journey=journey,
            seen=number_of(request.POST, "seen"),
            change=change,
            words=f"edited: {form.title}",
            actor=actor_of(request),
            user=request.user,
        )
    except StaleDraft as stale:
        config = form.config(stale.current.graph)
        shown = config if config is not None else {}
        told: dict[str, Any] = {"stale": stale.current, "now": json.dumps(_plain(shown), indent=2, ensure_ascii=False)}
        return _page(request, journey, form, stale.current, shown, extra, status=409, **again, **told)
    except (ops.OperationError, GraphError) as error:
        flash.error(request, f"Nothing was changed: {error}.")
    anchor = f"#node-{form.node}" if form.node else ""
    return HttpResponseRedirect(f"{address(request, 'build', journey)}{anchor}")


def _from_template(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The wordings of a template that was chosen just now; nothing where the step had it before, or it is gone."""
    chosen = str(values.get("template") or "")
    if not chosen or chosen == config.get("template"):
        return {}
    for template in MailTemplate.objects.filter(is_off=False):
        if str(template.pk) == chosen:
            return taken(template.wordings, "title" if config.get("kind") == "in_hub_message" else "subject")
    return {}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in ("id", "kind", "next")}


def _page(
    request: StaffRequest,
    journey: Journey,
    form: Form,
    draft: Current,
    config: Mapping[str, Any],
    extra: Mapping[str, Any],
    *,
    status: int = 200,
    inputs: Mapping[str, Sequence[str]] | None = None,
    rule: Draft | None = None,
    problems: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    offers, plain = _offers(), [field for field in form.fields if field.kind is not FieldKind.RULE]
    problems = problems or {}
    context = {
        "journey": journey,
        "form": form,
        "draft_now": draft,
        # After a conflict the form may be saved over what it has been told of.
        "seen": draft.revision,
        "shown": [
            show_typed(field, inputs, offers, problems.get(field.name, ""))
            if inputs is not None
            else show(field, config, offers)
            for field in plain
        ],
        "units": UNITS,
        "weekdays": WEEKDAYS,
        "fallbacks": [(key, told.removeprefix("else ")) for key, told in FALLBACKS.items()],
        "arm": (request.POST if request.method == "POST" else request.GET).get("arm", ""),
        "is_new": "new" in request.GET,
        **drawer(form.title),
        **extra,
        **more,
    }
    if form.rule:
        stored = _rule_draft(config.get(form.rule.name), request)
        context |= builder_context(rule if rule is not None else stored, request.tenant)
    name = page_or_drawer(request, "journeys/step")
    return render(request, name, context, status=status)


def _rule_draft(raw: Any, request: StaffRequest) -> Draft:
    if raw is None:
        return Draft()
    node = parse_stored(raw, known_facts())
    shown = draft_of(node, request.tenant) if node is not None else None
    return shown or Draft(text=json.dumps(raw, indent=2, ensure_ascii=False))


def _offers() -> dict[str, list[tuple[str, str]]]:
    triggers = Trigger.objects.filter(is_active=True).order_by("name")
    segments = Segment.objects.filter(is_active=True).order_by("name")
    templates = MailTemplate.objects.filter(is_off=False).order_by("name")
    return {
        "signal": [("", "choose a signal"), *((trigger.key, trigger.name) for trigger in triggers)],
        "topic": [("", "no topic"), *((topic.key, topic.name) for topic in topics_known() if not topic.is_off)],
        "template": [("", "written here"), *((str(each.pk), each.name) for each in templates)],
        "playbook": [("", "none"), *playbook_choices()],
        "segment": [("", "choose a segment"), *((segment.key, segment.name) for segment in segments)],
        "dates": list(days_known()),
        "recipients": [
            *((value, str(label)) for value, label in ContactRole.choices),
            (SIGNAL_CONTACT, "who gave the signal"),
        ],
    }
