"""The builder: the draft of a journey as a tree, and what is done to it by buttons, keys or dragging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as flash
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import Account
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.registry.facts import known_facts
from journeys.drafts import operations as ops
from journeys.drafts.diff import words
from journeys.drafts.page import draft_context
from journeys.drafts.selectors import Current, current_draft, recent_revisions
from journeys.drafts.services import StaleDraft, draft_change, draft_redo, draft_undo
from journeys.drafts.shape import BEGINNING, Gap, Shape
from journeys.drafts.trial import trial
from journeys.drafts.validation import validate_draft
from journeys.graph import GraphError
from journeys.models import Journey
from journeys.node_forms import node_forms
from journeys.node_kinds import node_kinds
from journeys.tree import ICONS, spoken

ACCOUNTS_OFFERED = 200


def journey_of(journey_id: UUID) -> Journey:
    found: Journey = get_object_or_404(Journey, pk=journey_id)
    return found


def address(request: StaffRequest, name: str, journey: Journey, **more: Any) -> str:
    return reverse(f"journeys:{name}", kwargs={"tenant": request.tenant.slug, "journey_id": journey.pk, **more})


@staff_page("journeys.edit")
@require_safe
def build(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """The draft as a tree with a place for a step between any two."""
    journey = journey_of(journey_id)
    draft = current_draft(journey)
    validation = validate_draft(journey, draft.graph, request.tenant)
    search = request.GET.get("q", "").strip()[:100]
    nodes = Shape(draft.graph).nodes
    context = {
        "journey": journey,
        "draft": draft,
        "validation": validation,
        "search": search,
        "cut": request.GET.get("cut") if request.GET.get("cut") in nodes else "",
        "copied": request.GET.get("copy") if request.GET.get("copy") in nodes else "",
        "opened": request.GET.get("open") if request.GET.get("open") in nodes else "",
        "revisions": recent_revisions(journey),
        **draft_context(draft.graph, validation.wrong, search),
    }
    return render(request, "journeys/build.html", context)


@staff_page("journeys.edit")
@require_safe
def add(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """What can be put into a gap: a step of any kind, or a way on to another step."""
    journey = journey_of(journey_id)
    draft, gap = current_draft(journey), Gap.of(request.GET.get("gap", str(BEGINNING))[:120])
    shape = Shape(draft.graph)
    if shape.gap(gap) is None:
        flash.error(request, "There is no such place any more. This is the draft as it is now.")
        return HttpResponseRedirect(address(request, "build", journey))
    facts = known_facts()
    offered = [node_kinds.get(form.key) for form in node_forms if form.offered]
    steps = [(key, spoken(words(shape.nodes[key], facts), {})) for key in shape.nodes if shape.kind(key) != "goal"]
    context = {
        "journey": journey,
        "draft": draft,
        "gap": str(gap),
        "kinds": [(kind, node_forms.get(kind.key).what, ICONS.get(kind.key, "circle")) for kind in offered],
        "steps": steps,
        **drawer("Add a step"),
    }
    return render(request, page_or_drawer(request, "journeys/add"), context)


def drawer(title: str) -> dict[str, Any]:
    """What the frame of a drawer needs."""
    return {"drawer_id": "builder-drawer", "drawer_title": title, "open_now": True}


def page_or_drawer(request: StaffRequest, name: str) -> str:
    return f"{name}_drawer.html" if request.htmx else f"{name}.html"


# --- Acts ---------------------------------------------------------------------------------------------------------

Graph = dict[str, Any]
Done = tuple[Graph, str]
"""The graph, and the step to look at afterwards."""


def _insert(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.insert(graph, _gap(given), given.get("kind", ""))


def _goal(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.goal_add(graph)


def _move(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.move(graph, given.get("node", ""), _gap(given)), given.get("node", "")


def _paste(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.paste(graph, given.get("node", ""), _gap(given))


def _lead(graph: Mapping[str, Any], given: QueryDict) -> Done:
    target = given.get("target", "")
    if target:
        return ops.lead(graph, _gap(given), target), target
    # "End here": a way that ends at a new exit of its own.
    end = ops.new_id("exit")
    more = {**graph, "nodes": [*graph["nodes"], {"id": end, "kind": "exit"}]}
    return ops.lead(more, _gap(given), end), end


def _delete(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.delete(graph, given.get("node", ""), given.get("keep", "")), ""


def _arm_add(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.arm_add(graph, given.get("node", ""))[0], given.get("node", "")


def _arm_remove(graph: Mapping[str, Any], given: QueryDict) -> Done:
    return ops.arm_remove(graph, given.get("node", ""), number_of(given, "place")), given.get("node", "")


def _arm_move(graph: Mapping[str, Any], given: QueryDict) -> Done:
    by = -1 if given.get("by") == "-1" else 1
    return ops.arm_move(graph, given.get("node", ""), number_of(given, "place"), by), given.get("node", "")


ACTS: dict[str, tuple[Callable[[Mapping[str, Any], QueryDict], Done], str]] = {
    "insert": (_insert, "added a step"),
    "goal": (_goal, "added a goal"),
    "move": (_move, "moved"),
    "paste": (_paste, "copied"),
    "lead": (_lead, "led a way on"),
    "delete": (_delete, "deleted"),
    "arm_add": (_arm_add, "added a way"),
    "arm_remove": (_arm_remove, "removed a way"),
    "arm_move": (_arm_move, "reordered the ways"),
}
OPENS = ("insert", "goal")
"""Acts after which the new step's form is shown."""


@staff_page("journeys.edit")
@require_POST
def act(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """One act on the draft as it was seen; a draft that has been changed meanwhile is shown instead."""
    journey, given = journey_of(journey_id), request.POST
    name, seen = given.get("act", ""), number_of(given, "seen")
    back = address(request, "build", journey)
    try:
        if name in ("undo", "redo"):
            turn = draft_undo if name == "undo" else draft_redo
            turn(journey=journey, seen=seen, actor=actor_of(request), user=request.user)
            return HttpResponseRedirect(back)
        node_id = _acted(request, journey, name, seen)
    except StaleDraft as stale:
        flash.error(request, f"Nothing was done: {_changed_words(stale.current)}. This is the draft as it is now.")
        return HttpResponseRedirect(back)
    except (ops.OperationError, GraphError) as error:
        flash.error(request, f"Nothing was changed: {error}.")
        return HttpResponseRedirect(back)
    if name in OPENS:
        return HttpResponseRedirect(f"{back}?open={node_id}#node-{node_id}")
    return HttpResponseRedirect(f"{back}#node-{node_id}" if node_id else back)


def _acted(request: StaffRequest, journey: Journey, name: str, seen: int) -> str:
    if name not in ACTS:
        raise ops.OperationError("there is no such act")
    doing, told = ACTS[name]
    looked: list[str] = []

    def change(graph: Mapping[str, Any]) -> Graph:
        changed, node_id = doing(graph, request.POST)
        looked.append(node_id)
        return changed

    actor = actor_of(request)
    about = _about(journey, request.POST)
    draft_change(journey=journey, seen=seen, change=change, words=f"{told}{about}", actor=actor, user=request.user)
    return looked[0]


def _about(journey: Journey, given: QueryDict) -> str:
    """What an act is done to, in words."""
    kind = given.get("kind", "")
    if kind in node_kinds:
        return f": {node_kinds.get(kind).title.lower()}"
    node = Shape(current_draft(journey).graph).nodes.get(given.get("node") or given.get("target") or "")
    return f": {spoken(words(node, known_facts()), {})}" if node else ""


def _changed_words(current: Current) -> str:
    who = str(current.changed_by) if current.changed_by else "somebody"
    return f"{who} has changed the draft meanwhile (revision {current.revision}: {current.words})"


def _gap(given: QueryDict) -> Gap:
    return Gap.of(given.get("gap", "")[:120])


def number_of(given: QueryDict, name: str) -> int:
    text = given.get(name, "")
    return int(text[:9]) if text.isascii() and text.isdigit() else -1


# --- Test as account ----------------------------------------------------------------------------------------------


@staff_page("journeys.edit")
@require_safe
def test(request: StaffRequest, journey_id: UUID) -> HttpResponse:
    """The draft walked over a real account; nothing is written or sent."""
    journey = journey_of(journey_id)
    draft = current_draft(journey)
    validation = validate_draft(journey, draft.graph, request.tenant)
    accounts = list(Account.objects.order_by("name", "id")[:ACCOUNTS_OFFERED])
    account = _chosen(request, accounts)
    context: dict[str, Any] = {
        "journey": journey, "draft": draft, "validation": validation, "accounts": accounts, "account": account,
    }  # fmt: skip
    # What is only forbidden to publish (no hypothesis, say) can still be tried.
    whole = not any(finding.pointer and not finding.pointer.endswith("/topic") for finding in validation.wrong)
    if account is not None and whole:
        ways = {name.removeprefix("way."): request.GET.get(name, "") for name in request.GET if name.startswith("way.")}
        found = trial(journey, draft.graph, request.tenant, account, ways)
        context |= {"trial": found, "steps": [(taken, _chosen_ways(request, taken)) for taken in found.taken]}
    return render(request, "journeys/test.html", context)


def _chosen_ways(request: StaffRequest, taken: Any) -> list[tuple[str, str, bool]]:
    """(address, words, chosen) of the ways that a step which waits can be left by."""
    links = []
    for port, told, chosen in taken.ways:
        query = request.GET.copy()
        query[f"way.{taken.node.id}"] = port
        links.append((f"?{urlencode(query.dict())}#step-{taken.node.id}", told, chosen))
    return links


def _chosen(request: StaffRequest, accounts: list[Account]) -> Account | None:
    wanted = request.GET.get("account", "")
    if not wanted:
        return accounts[0] if accounts else None
    try:
        found: Account = get_object_or_404(Account, pk=UUID(wanted))
    except ValueError:
        raise Http404 from None
    return found
