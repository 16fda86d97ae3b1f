"""What is done with tasks: with one in its row or on its page, with many that are chosen."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hub.people.answers import changed, go_back, refused
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page
from hub.work.forms import ReasonForm, act_read, chosen
from hub.work.models import Task
from hub.work.services import Act, Action, task_tick, tasks_act
from hub.work.views.shared import account_url, acts, list_url, row, task_of

SAID = {
    Action.TAKE: "yours now",
    Action.ASSIGN: "handed on",
    Action.SNOOZE: "snoozed",
    Action.RETURN: "back in the list",
    Action.COMPLETE: "done",
    Action.DISMISS: "dismissed",
    Action.REOPEN: "open again",
    Action.JUDGE: "judged",
}


@staff_page("tasks.work")
@require_POST
def task_do(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Do something with a task; when somebody was faster, show what they made of it."""
    task = task_of(task_id)
    try:
        return _done(request, task, act_read(request.POST, request.tenant))
    except ValidationError as error:
        problem, back = " ".join(error.messages), _page(request, task)
        return refused(request, template="work/_task.html", context=row(request, task), back=back, problem=problem)


@staff_page("tasks.work")
@require_POST
def task_done(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Mark a task done; whether it helped can be said afterwards."""
    return _done(request, task_of(task_id), Act(Action.COMPLETE))


@staff_page("tasks.work")
@require_POST
def task_dismiss(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Put a task aside with a reason."""
    task, form = task_of(task_id), ReasonForm(request.POST)
    if not form.is_valid():
        back, problem = account_url(request, task.account_id), str(form.errors["reason"][0])
        return refused(request, template="work/_task.html", context=row(request, task), back=back, problem=problem)
    return _done(request, task, Act(Action.DISMISS, note=form.cleaned_data["reason"]))


def _done(request: StaffRequest, task: Task, act: Act) -> HttpResponse:
    done = tasks_act(ids=[task.pk], act=act, actor=actor_of(request), user=request.user)
    said = f"“{task.title}” is {SAID[act.action]}." if done else "Somebody was faster: nothing was changed."
    context, back = row(request, task_of(task.pk)), account_url(request, task.account_id)
    return changed(request, template="work/_task.html", context=context, back=back, say=said)


def _page(request: StaffRequest, task: Task) -> str:
    return reverse("work:task", kwargs={"tenant": request.tenant.slug, "task_id": task.pk})


@staff_page("tasks.work")
@require_POST
def task_tick_step(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """Tick a step of the playbook, or take the tick back."""
    task, on = task_of(task_id), request.POST.get("on") == "1"
    step = request.POST.get("step", "")[:64]
    try:
        done = task_tick(task_id=task.pk, step=step, on=on, user=request.user, actor=actor_of(request))
    except ValueError as error:
        messages.error(request, f"Nothing was ticked: {error}.")
    else:
        if not done:
            messages.info(request, "It was so already, or the task is closed.")
    return go_back(request, _page(request, task))


@staff_page("tasks.work")
@require_safe
def act_choose(request: StaffRequest) -> HttpResponse:
    """What to do with the tasks that are chosen."""
    ids = chosen(request.GET)
    named = list(Task.objects.filter(pk__in=ids).select_related("account").order_by("due_at", "pk"))
    if not named:
        messages.info(request, "Choose the tasks first: tick them in the list.")
        return redirect("work:tasks", tenant=request.tenant.slug)
    context = {
        **acts(request, request.GET.get("do", "")),
        "ids": [task.pk for task in named],
        "count": len(named),
        "sample": named[:5],
    }
    return render(request, "work/act.html", context)


@staff_page("tasks.work")
@require_POST
def act_many(request: StaffRequest) -> HttpResponse:
    """Do something with the tasks that are chosen."""
    try:
        act = act_read(request.POST, request.tenant)
        done = tasks_act(ids=chosen(request.POST), act=act, actor=actor_of(request), user=request.user)
    except ValidationError as error:
        messages.error(request, f"Nothing was changed. {' '.join(error.messages)}")
        return go_back(request, list_url(request))
    if done:
        messages.success(request, f"{len(done)} task{'' if len(done) == 1 else 's'} {SAID[act.action]}.")
    else:
        messages.info(request, "Nothing was changed: somebody was faster, or it was so already.")
    return go_back(request, list_url(request))
