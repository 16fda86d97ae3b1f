"""The list of tasks, one task with its playbook, and a new one."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.models import Account
from hub.people.answers import changed, refused
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.people.scope import owner_wanted
from hub.registry.lists import with_views
from hub.tenancy.ids import uuid7
from hub.work import services
from hub.work.calendar import moment_of
from hub.work.forms import NoteForm, TaskForm
from hub.work.panels import account_context
from hub.work.selectors import (
    DUE,
    TABS,
    TaskQuery,
    playbook_choices,
    steps_of_task,
    tab_counts,
    tasks_listed,
    ticked_counts,
)
from hub.work.services.opening import BY_HAND
from hub.work.views.shared import account_url, acts, row, task_of

LISTED = 200
END_OF_WORK = time(17)


@staff_page("today.view")
@require_safe
@with_views("tasks")
def task_list(request: StaffRequest) -> HttpResponse:
    """Tasks, the most urgent first: one's own or everybody's, with filters in the URL."""
    query, now, whose = TaskQuery.read(request.GET), timezone.now(), owner_wanted(request)
    found = tasks_listed(query, assignee_id=whose, now=now)
    tasks = list(found[: LISTED + 1])
    counts = tab_counts(assignee_id=whose, now=now)
    context = {
        "query": query,
        "tabs": [(key, title, counts.get(key)) for key, title in TABS.items()],
        "due_choices": list(DUE.items()),
        "playbooks": playbook_choices(),
        "tasks": tasks[:LISTED],
        "ticked": ticked_counts(tasks),
        "more": len(tasks) > LISTED,
        "listed": LISTED,
        "now": now,
    }
    return render(request, f"work/tasks.html{'#list' if request.htmx else ''}", context)


@staff_page("today.view")
@require_safe
def task_page(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """A task: what is to be done, the playbook as it was when the task was opened, and what can be done with it."""
    task = task_of(task_id)
    context = {
        **row(request, task),
        **acts(request, request.GET.get("do", "")),
        "steps": steps_of_task(task),
        "has_time": moment_of(task) is not None,
    }
    return render(request, f"work/task.html{'#drawer' if request.htmx else ''}", context)


@staff_page("tasks.work")
@require_POST
def task_add(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Open a task for the account's owner, or for oneself where nobody owns it."""
    account = get_object_or_404(Account, pk=account_id)
    form = TaskForm(request.POST)
    back = account_url(request, account.pk)
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        context = account_context(account, typed=request.POST.get("title", ""))
        return refused(request, template="work/_account_panel.html", context=context, back=back, problem=problem)
    due_on = form.cleaned_data["due_on"]
    services.task_open(
        account_id=account.pk,
        title=form.cleaned_data["title"],
        origin_key=f"staff:{uuid7()}",
        origin=BY_HAND,
        origin_label=str(request.user),
        playbook_key=form.cleaned_data["playbook"],
        assignee_id=account.owner_id or request.user.pk,
        due_at=timezone.make_aware(datetime.combine(due_on, END_OF_WORK), request.tenant.zone) if due_on else None,
    )
    context = account_context(account)
    return changed(request, template="work/_account_panel.html", context=context, back=back, say="The task is open.")


@staff_page("notes.write")
@require_POST
def note_add(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Keep a note; internal, it never reaches the customer."""
    account = get_object_or_404(Account, pk=account_id)
    form = NoteForm(request.POST)
    back = account_url(request, account.pk)
    context: dict[str, object] = {"account": account}
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        context["typed"] = request.POST.get("body", "")
        return refused(request, template="work/_note_form.html", context=context, back=back, problem=problem)
    services.note_add(
        account=account,
        author=request.user,
        actor=actor_of(request),
        kind=form.cleaned_data["kind"],
        body=form.cleaned_data["body"],
    )
    return changed(request, template="work/_note_form.html", context=context, back=back, say="The note is kept.")
