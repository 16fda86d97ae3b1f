"""Staff pages of journeys: list, one journey with its accounts, previews, and why at an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages as flash
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import Account
from hub.outbox.rendering import Rendered, TemplateError, Values, render_message
from hub.outbox.selectors import status_counts
from hub.outbox.views import LETTER_POLICY, letter_html
from hub.outbox.wording import locale_of, with_snippets, worded
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.permissions import allowed
from hub.registry.facts import known_facts
from journeys.drafts.publishing import approve_above
from journeys.experiments.arms import Config, arms_of, with_arm
from journeys.graph import Graph, Node
from journeys.graph_words import beginning, sentences
from journeys.models import EnrollmentStatus, Journey, JourneyStatus
from journeys.recipients import choose
from journeys.selectors import account_why, endings, journeys_list, live_counts
from journeys.services import journey_pause, journey_resume
from journeys.tree import Shown, goals, spoken, tree
from journeys.wordings import variants_of
from journeys.world import World, published_graph
from signals.models import Trigger
from signals.segments.selectors import segment_names

MODES = ("live", "sentences", "versions")


@staff_page("journeys.view")
@require_safe
def journey_list(request: StaffRequest) -> HttpResponse:
    """Every journey, and how many accounts it has."""
    archived = "archived" in request.GET
    shown = [journey for journey in journeys_list() if (journey.status == JourneyStatus.ARCHIVED) is archived]
    context = {
        "journeys": shown,
        "archived": archived,
        "outbox": status_counts(),
        "limit": approve_above(request.tenant),
    }
    return render(request, "journeys/list.html", context)


@staff_page("journeys.view")
@require_safe
def journey_page(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """One journey: the tree with live counts, the same in sentences, or its versions."""
    journey = get_object_or_404(Journey, pk=journey_id)
    mode = request.GET.get("mode", "live")
    if mode not in MODES or not journey.live:
        mode = "live" if journey.live else "versions"
    context: dict[str, Any] = {"journey": journey, "mode": mode}
    context |= {
        "may_run": allowed(request.membership.role, "journeys.run"),
        "may_edit": allowed(request.membership.role, "journeys.edit"),
        "inside": journey.enrollments.filter(status=EnrollmentStatus.ACTIVE).count(),
    }
    if mode == "versions":
        context["versions"] = list(journey.versions.select_related("published_by").order_by("-number"))
    else:
        context |= _shown(journey, mode)
    return render(request, f"journeys/page.html{'#tree' if request.htmx and mode == 'live' else ''}", context)


def _shown(journey: Journey, mode: str) -> dict[str, Any]:
    graph, known = published_graph(journey.pk, journey.live), known_facts()
    triggers = {trigger.key: trigger for trigger in Trigger.objects.all()}
    names = {key: trigger.name for key, trigger in triggers.items()}
    if mode == "sentences":
        return {"lines": [(line.depth, spoken(line.text, names)) for line in sentences(graph, known)]}
    segments = segment_names()
    drawn = Shown(known, live_counts(journey), names)
    return {
        "nodes": tree(graph, drawn),
        "goals": goals(graph, drawn),
        "trigger": triggers.get(graph.entry.get("trigger")),
        "endings": endings(journey),
        "begins": spoken(beginning(graph.entry), names),
        "segments": segments,
        "segment_gone": str(graph.entry.get("segment") or "") not in {"", *segments},
        "intakes": list(journey.intakes.order_by("-made_at")[:3]),
    }


@staff_page("journeys.run")
@require_POST
def pause(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Stop entries, steps and messages."""
    journey = get_object_or_404(Journey, pk=journey_id)
    if journey_pause(journey=journey, actor=actor_of(request)):
        flash.success(request, f"“{journey.name}” is paused. Everybody stays where they are.")
    return redirect("journeys:page", tenant=request.tenant.slug, journey_id=journey.pk)


@staff_page("journeys.run")
@require_POST
def resume(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """Let it run again: everybody goes on, or everybody leaves."""
    journey = get_object_or_404(Journey, pk=journey_id)
    exit_all = request.POST.get("those_inside") == "exit"
    if journey_resume(journey=journey, actor=actor_of(request), exit_all=exit_all):
        flash.success(request, f"“{journey.name}” runs again.")
    return redirect("journeys:page", tenant=request.tenant.slug, journey_id=journey.pk)


@staff_page("journeys.view")
@require_safe
def why(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Why did this (not) happen: the decision log of one account."""
    account = get_object_or_404(Account, pk=account_id)
    return render(request, "journeys/why.html", {"account": account, "stories": account_why(account.pk)})


# --- Preview of a message against a real account ------------------------------------------------------------------


@staff_page("journeys.view")
@require_safe
def preview(request: StaffRequest, journey_id: UUID, node_id: str) -> HttpResponse:
    """A message as an account of the tenant would get it: recipient, subject, body."""
    journey = get_object_or_404(Journey, pk=journey_id)
    node = _message_node(journey, node_id)
    accounts = list(Account.objects.order_by("name", "id")[:200])
    account = _account_of(request, accounts)
    context: dict[str, Any] = {"journey": journey, "node": node, "accounts": accounts, "account": account}
    if account is not None:
        context |= _previewed(request, account, node)
    return render(request, "journeys/preview.html", context)


@staff_page("journeys.view")
@require_safe
@xframe_options_sameorigin
@csp_replace(LETTER_POLICY)  # type: ignore[arg-type]  # typed for views of a request alone
def preview_body(request: StaffRequest, journey_id: UUID, node_id: str, account_id: UUID) -> HttpResponse:
    """The letter alone, for a sandboxed frame."""
    journey = get_object_or_404(Journey, pk=journey_id)
    account = get_object_or_404(Account, pk=account_id)
    shown = _previewed(request, account, _message_node(journey, node_id))
    if shown["rendered"] is None:
        raise Http404
    return HttpResponse(letter_html(shown["rendered"].subject, shown["rendered"].html))


def _message_node(journey: Journey, node_id: str) -> Node:
    if not journey.live or journey.status not in JourneyStatus.values:
        raise Http404
    graph: Graph = published_graph(journey.pk, journey.live)
    node = graph.nodes.get(node_id)
    if node is None or node.kind.key not in ("email", "in_hub_message"):
        raise Http404
    return node


def _account_of(request: StaffRequest, accounts: list[Account]) -> Account | None:
    """The account that was asked for, else the first."""
    wanted = request.GET.get("account", "")
    if not wanted:
        return accounts[0] if accounts else None
    try:
        return get_object_or_404(Account, pk=UUID(wanted))
    except ValueError:
        raise Http404 from None


def _arm_of(request: StaffRequest) -> int:
    text = request.GET.get("arm", "")
    return int(text[:2]) if text.isascii() and text.isdigit() else -1


def _previewed(request: StaffRequest, account: Account, node: Node) -> dict[str, Any]:
    config, arm = with_arm(node.config, _arm_of(request)), _arm_of(request)
    world = World(request.tenant, [account.pk], timezone.now())
    to = node.config["to"]
    chosen = choose(world.contacts.get(account.pk, []), to["roles"], to["fallback"])
    contact = chosen.people[0] if chosen.people else None
    values = world.values(account.pk, contact, None) | {"story": world.story(account.pk)}
    rendered: Rendered | None = None
    problem = ""
    try:
        rendered = _rendered(config, locale_of(contact, request.tenant), values)
    except TemplateError as error:
        problem = str(error)
    arms = [(str(place), str(each["label"]), place == arm) for place, each in enumerate(arms_of(node.config))]
    return {"recipients": chosen, "rendered": rendered, "problem": problem, "arms": arms, "arm": arm}


def _rendered(config: Config, locale: str, values: Values) -> Rendered:
    """The wording that somebody who reads `locale` would get."""
    own = {"subject": config.get("subject") or config["title"], "body": config["body"]}
    wording = worded(locale, own, variants_of(config))
    subject, body = (with_snippets(wording[part], locale) for part in ("subject", "body"))
    return render_message(subject=subject, body=body, values=values)
