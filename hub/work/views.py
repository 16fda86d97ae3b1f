from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
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
from hub.work.forms import NoteForm, ReasonForm, TaskForm
from hub.work.models import Task, TaskStatus
from hub.work.selectors import DUE, due_read, due_tasks, open_tasks

LISTED = 200
END_OF_WORK = time(17)


@staff_page("today.view")
@require_safe
@with_views("tasks")
def task_list(request: StaffRequest) -> HttpResponse:
    """Open tasks, the most urgent first: one's own or everybody's, with filters in the URL."""
    due, now = due_read(request.GET.get("due", "")), timezone.now()
    tasks = due_tasks(open_tasks(assignee_id=owner_wanted(request)), due, now)
    context = {
        "due": due,
        "due_choices": list(DUE.items()),
        "tasks": list(tasks[:LISTED]),
        "total": tasks.count(),
        "listed": LISTED,
        "now": now,
    }
    return render(request, f"work/tasks.html{'#list' if request.htmx else ''}", context)


@staff_page("tasks.work")
@require_POST
def task_done(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Mark a task done; when somebody was faster, show what they made of it."""
    task = get_object_or_404(Task.objects.select_related("account"), pk=task_id)
    services.task_close(task_id=task.pk, user=request.user, actor=actor_of(request))
    return _closed(request, task, f"“{task.title}” is done.")


@staff_page("tasks.work")
@require_POST
def task_dismiss(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Put a task aside with a reason."""
    task = get_object_or_404(Task.objects.select_related("account", "assignee"), pk=task_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return refused(
            request,
            template="work/_task.html",
            context=_row(request, task),
            back=_account_url(request, task.account_id),
            problem=str(form.errors["reason"][0]),
        )
    services.task_close(
        task_id=task.pk,
        user=request.user,
        actor=actor_of(request),
        status=TaskStatus.DISMISSED,
        reason=form.cleaned_data["reason"],
    )
    return _closed(request, task, f"“{task.title}” is dismissed.")


def _closed(request: StaffRequest, task: Task, say: str) -> HttpResponse:
    task.refresh_from_db(fields=["status", "closed_at", "closed_by", "closed_reason"])
    back = _account_url(request, task.account_id)
    return changed(request, template="work/_task.html", context=_row(request, task), back=back, say=say)


def _row(request: StaffRequest, task: Task) -> dict[str, object]:
    return {"task": task, "show_account": bool(request.POST.get("show_account")), "now": timezone.now()}


@staff_page("tasks.work")
@require_POST
def task_add(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Open a task for the account's owner, or for oneself where nobody owns it."""
    account = get_object_or_404(Account, pk=account_id)
    form = TaskForm(request.POST)
    back = _account_url(request, account.pk)
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        context = _panel(account, typed=request.POST.get("title", ""))
        return refused(request, template="work/_account_panel.html", context=context, back=back, problem=problem)
    due_on = form.cleaned_data["due_on"]
    services.task_open(
        account_id=account.pk,
        title=form.cleaned_data["title"],
        origin_key=f"staff:{uuid7()}",
        origin="staff",
        origin_label=str(request.user),
        assignee_id=account.owner_id or request.user.pk,
        due_at=timezone.make_aware(datetime.combine(due_on, END_OF_WORK), request.tenant.zone) if due_on else None,
    )
    return changed(
        request, template="work/_account_panel.html", context=_panel(account), back=back, say="The task is open."
    )


def _panel(account: Account, typed: str = "") -> dict[str, object]:
    tasks = list(open_tasks(account_id=account.pk))
    return {"tasks": tasks, "now": timezone.now(), "account": account, "typed": typed}


@staff_page("notes.write")
@require_POST
def note_add(request: StaffRequest, account_id: UUID) -> HttpResponse:
    """Keep a note; internal, it never reaches the customer."""
    account = get_object_or_404(Account, pk=account_id)
    form = NoteForm(request.POST)
    back = _account_url(request, account.pk)
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


def _account_url(request: StaffRequest, account_id: UUID) -> str:
    return reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account_id})
