"""The library: every ready journey by stage, one of them with its tree, and a draft of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.outbox.rendering import render_message
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.facts import facts, known_facts
from journeys.drafts.hypothesis import HYPOTHESIS
from journeys.graph import load
from journeys.graph_words import beginning
from journeys.library import BY_KEY, LIBRARY, STAGES, ReadyJourney
from journeys.library.needs import Have, Need, needs_of
from journeys.library.services import ready_use
from journeys.models import Journey
from journeys.tree import Shown, goals, spoken, tree
from journeys.words import SAMPLE

SAMPLE_FACTS = {"seats": 40, "mrr_minor": 400_000}
"""What a message of the library may show of an account, as an example."""
OWNERS = {"cs": "customer success, one to one", "marketing": "marketing, one to many"}


@staff_page("journeys.view")
@require_safe
def library(request: StaffRequest) -> HttpResponse:
    """Every ready journey, by where in a customer's life it belongs."""
    have, taken = Have.read(), set(Journey.objects.values_list("key", flat=True))
    lines = [_line(ready, have, taken) for ready in LIBRARY]
    groups = {title: [line for line in lines if line["ready"].stage == key] for key, title in STAGES.items()}
    context = {"groups": {title: found for title, found in groups.items() if found}, "count": len(LIBRARY)}
    return render(request, "journeys/library/list.html", context)


def _line(ready: ReadyJourney, have: Have, taken: set[str]) -> dict[str, Any]:
    lacking = [need for need in needs_of(ready, have) if not need.met]
    used = any(key == ready.key or key.startswith(f"{ready.key}-") for key in taken)
    return {"ready": ready, "owner": OWNERS[ready.owner], "lacking": lacking, "used": used}


@staff_page("journeys.view")
@require_safe
def ready_page(request: StaffRequest, ready_key: str) -> HttpResponse:
    """A ready journey: its steps, what it needs, what proves each message, its hypothesis and its playbooks."""
    ready, have, known = _ready(ready_key), Have.read(), known_facts()
    graph = load(ready.graph, known)
    names = {key: trigger.name for key, trigger in have.triggers.items()}
    drawn = Shown(known, {}, names)
    context = {
        "ready": ready,
        "owner": OWNERS[ready.owner],
        "stage": STAGES[ready.stage],
        "purpose": ready.purpose.value.replace("_", " ").capitalize(),
        "begins": spoken(beginning(graph.entry), names),
        "nodes": tree(graph, drawn),
        "goals": goals(graph, drawn),
        "needs": [(need, _address(request, need)) for need in needs_of(ready, have)],
        "letters": [_letter(ready, node, proof.words) for node, proof in ready.proofs.items()],
        "hypothesis": [(label, ready.hypothesis[name]) for name, label in HYPOTHESIS.items()],
        "may_use": allowed(request.membership.role, "journeys.edit"),
    }
    return render(request, "journeys/library/page.html", context)


@staff_page("journeys.edit")
@require_POST
def use(request: StaffRequest, ready_key: str) -> HttpResponse:
    """Make a draft of a ready journey."""
    journey = ready_use(ready=_ready(ready_key), actor=actor_of(request), user=request.user)
    messages.success(request, f"“{journey.name}” is a draft. Nothing runs before you publish it.")
    return redirect("journeys:build", tenant=request.tenant.slug, journey_id=journey.pk)


def _letter(ready: ReadyJourney, node_id: str, proof: str) -> dict[str, str]:
    """A message with sample values, as plain text, and what proves its action."""
    values = {**SAMPLE, "facts": dict.fromkeys(facts.as_mapping()) | SAMPLE_FACTS}
    node = next(node for node in ready.graph["nodes"] if node["id"] == node_id)
    rendered = render_message(subject=node.get("subject") or node["title"], body=node["body"], values=values)
    return {"subject": rendered.subject, "text": rendered.text, "proof": proof}


def _address(request: StaffRequest, need: Need) -> str:
    return reverse(need.url_name, kwargs={"tenant": request.tenant.slug, **need.url_args})


def _ready(key: str) -> ReadyJourney:
    if key not in BY_KEY:
        raise Http404
    return BY_KEY[key]
