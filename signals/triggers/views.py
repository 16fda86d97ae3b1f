from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.rules.language import RuleError
from hub.shell.rule_form import Draft, Read, acted, builder_context, read_draft, typed
from signals.inbox.query import families
from signals.models import Trigger, TriggerVersion
from signals.triggers.forms import TriggerForm
from signals.triggers.page import standing, tried_context
from signals.triggers.services import (
    SETTINGS,
    StaleError,
    WideError,
    stamp_of,
    trigger_change,
    trigger_create,
    trigger_restore,
    trigger_switch,
)

BUTTONS = ("add", "remove", "remove_group", "look", "count")
NO_CONDITION: dict[str, Any] = {"all": []}


@staff_page("triggers.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def trigger_new(request: StaffRequest) -> HttpResponse:
    """A trigger of the tenant's own."""
    return _sent(request, None) if request.method == "POST" else _page(request, None, TriggerForm(), Draft())


@staff_page("triggers.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def trigger_edit_page(request: StaffRequest, trigger_id: UUID) -> HttpResponse:
    """A trigger's rule and settings in a form."""
    trigger = _trigger(trigger_id)
    if request.method == "POST":
        return _sent(request, trigger)
    found = standing(trigger, request.tenant, as_text=request.GET.get("as") == "json")
    form = TriggerForm(initial={name: getattr(trigger, name) for name in SETTINGS})
    return _page(request, trigger, form, found.draft, sentence=found.sentence)


def _sent(request: StaffRequest, trigger: Trigger | None) -> HttpResponse:
    draft = acted(typed(request.POST), request.POST)
    if any(name in request.POST for name in BUTTONS):
        # Half a form is shown again as it is, without complaints.
        kept = TriggerForm(initial=request.POST.dict())
        extra = _tried(request, read_draft(draft, request.tenant), trigger) if "count" in request.POST else {}
        return _page(request, trigger, kept, draft, **extra)
    form, read = TriggerForm(request.POST), _read(draft, request, trigger)
    if not form.is_valid() or read.draft.wrong:
        return _page(request, trigger, form, read.draft, status=422)
    try:
        saved = _save(request, trigger, form.cleaned_data, read)
    except RuleError as error:
        marked = Draft(**_parts(read.draft), problem="; ".join(each.message for each in error.problems))
        return _page(request, trigger, form, marked, status=422)
    except ValidationError as error:
        form.add_error("name", error.messages[0])
        return _page(request, trigger, form, read.draft, status=422)
    except StaleError:
        return _page(request, trigger, form, read.draft, status=409, stale=True)
    except WideError as error:
        return _page(
            request, trigger, form, read.draft, status=409, blast=error.blast, fires=error.fires, confirm=read.text
        )
    messages.success(request, f"“{saved.name}” is saved. Accounts for which it is true already make no signal.")
    return HttpResponseRedirect(_url(request, "signals:trigger", saved))


def _parts(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in ("match", "running", "rows", "groups", "text")}


def _read(draft: Draft, request: StaffRequest, trigger: Trigger | None) -> Read:
    read = read_draft(draft, request.tenant)
    if read.tree is not None or read.draft.wrong:
        return read
    if trigger and trigger.kind != Trigger.Kind.COMPUTED:
        return Read(read.draft, NO_CONDITION)
    return Read(Draft(**_parts(read.draft), problem="choose at least one condition: what should become true?"))


def _save(request: StaffRequest, trigger: Trigger | None, settings: dict[str, Any], read: Read) -> Trigger:
    confirmed = request.POST.get("confirm") == read.text
    if trigger is None:
        return trigger_create(**settings, rule=read.tree, actor=actor_of(request), confirmed=confirmed)
    # Rows come back in the form's own order and with defaults spelled out: that alone is no new version.
    unchanged = read.tree == standing(trigger, request.tenant, as_text=read.draft.text is not None).tree
    return trigger_change(
        trigger=trigger,
        rule=None if unchanged else read.tree,
        settings=settings,
        seen=request.POST.get("seen", "")[:40] or "unseen",
        confirmed=confirmed,
        actor=actor_of(request),
    )


def _page(
    request: StaffRequest, trigger: Trigger | None, form: TriggerForm, draft: Draft, *, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {
        "trigger": trigger,
        "form": form,
        # After a conflict the form stays what it was made from, until somebody looks at the page anew.
        "seen": request.POST.get("seen") or (stamp_of(trigger) if trigger else ""),
        "families": families(),
        **builder_context(draft, request.tenant),
        **extra,
    }
    return render(request, "signals/trigger_form.html", context, status=status)


@staff_page("triggers.edit")
@require_POST
def trigger_try(request: StaffRequest) -> HttpResponse:
    """What the rule in the form matches now and would have done; changes nothing."""
    trigger = Trigger.objects.filter(pk=_uuid(request.POST.get("trigger", ""))).first()
    read = read_draft(typed(request.POST), request.tenant)
    # Half a condition is no error while somebody types.
    return render(request, "signals/_tried.html", _tried(request, read, trigger))


def _tried(request: StaffRequest, read: Read, trigger: Trigger | None) -> dict[str, Any]:
    rest = request.POST.get("cooldown_days", "").strip()
    cooldown = int(rest[:4]) if rest.isascii() and rest.isdigit() else 0
    fires = trigger is None or trigger.kind == Trigger.Kind.COMPUTED
    context = tried_context(read, request.tenant, cooldown_days=cooldown, fires=fires)
    return {**context, "wrong": read.draft.wrong, "counted": True}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@staff_page("triggers.edit")
@require_POST
def trigger_toggle(request: StaffRequest, trigger_id: UUID) -> HttpResponse:
    """Switch a trigger on or off."""
    trigger, on = _trigger(trigger_id), request.POST.get("on") == "1"
    try:
        trigger_switch(trigger=trigger, is_active=on, actor=actor_of(request), confirmed="confirm" in request.POST)
    except WideError as error:
        return _confirm(request, trigger, error, {"on": "1"}, f"Switch “{trigger.name}” on")
    except RuleError as error:
        messages.error(request, f"“{trigger.name}” stays off: {error}. Edit its rule first.")
        return HttpResponseRedirect(_url(request, "signals:trigger", trigger))
    except ValidationError as error:
        messages.error(request, f"“{trigger.name}” stays off: {error.messages[0]}.")
        return HttpResponseRedirect(_url(request, "signals:trigger", trigger))
    messages.success(request, f"“{trigger.name}” is switched {'on' if on else 'off'}.")
    return HttpResponseRedirect(_url(request, "signals:trigger", trigger))


@staff_page("triggers.edit")
@require_POST
def trigger_back(request: StaffRequest, trigger_id: UUID) -> HttpResponse:
    """Make an earlier version's rule the next version."""
    trigger, asked = _trigger(trigger_id), request.POST.get("version", "")
    number = int(asked[:6]) if asked.isascii() and asked.isdigit() else 0
    back = HttpResponseRedirect(_url(request, "signals:trigger", trigger))
    try:
        trigger_restore(trigger=trigger, version=number, actor=actor_of(request), confirmed="confirm" in request.POST)
    except TriggerVersion.DoesNotExist:
        messages.error(request, "There is no such version. Nothing was changed.")
    except RuleError as error:
        messages.error(request, f"That version cannot come back: {error}. Nothing was changed.")
    except WideError as error:
        return _confirm(request, trigger, error, {"version": number}, f"Take version {number} of “{trigger.name}” back")
    else:
        messages.success(request, f"The rule of version {number} is back, as a new version.")
    return back


def _confirm(
    request: StaffRequest, trigger: Trigger, error: WideError, fields: dict[str, Any], title: str
) -> HttpResponse:
    context = {
        "trigger": trigger,
        "blast": error.blast,
        "fires": error.fires,
        "fields": fields,
        "title": title,
        "action": request.path,
    }
    return render(request, "signals/trigger_confirm.html", context, status=409)


def _trigger(trigger_id: UUID) -> Trigger:
    trigger: Trigger = get_object_or_404(Trigger, pk=trigger_id)
    return trigger


def _url(request: StaffRequest, name: str, trigger: Trigger) -> str:
    return reverse(name, kwargs={"tenant": request.tenant.slug, "trigger_id": trigger.pk})
