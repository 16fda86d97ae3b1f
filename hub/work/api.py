"""REST: tasks of people; other systems may open one, once."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.references import AccountReference
from hub.people.audit import audit
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import OF_ACCOUNT, by_choice, by_time, resource
from hub.rest.routes import BY, route
from hub.work.models import Task, TaskStatus
from hub.work.services import task_open


class TaskSerializer(serializers.ModelSerializer[Task]):
    """A person's piece of work at an account."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    assignee = serializers.CharField(source="assignee.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Task
        fields = [
            "id",
            "account",
            "account_name",
            "title",
            "playbook",
            "assignee",
            "due_at",
            "status",
            "closed_at",
            "closed_reason",
            "origin",
            "origin_label",
            "created_at",
        ]
        read_only_fields = fields


class TaskOpenSerializer(serializers.Serializer[Any]):
    """A task for the account's owner."""

    account = AccountReference()
    title = serializers.CharField(max_length=300)
    playbook = serializers.CharField(required=False, allow_blank=True, default="", max_length=10_000)
    due_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class TaskBy(APIView):
    """Open a task under the id that a source has for it; asked again, it is the same task, unchanged."""

    @extend_schema(request=TaskOpenSerializer, responses={200: TaskSerializer, 201: TaskSerializer})
    def put(self, request: Request, source: str, external_id: str) -> Response:
        body = TaskOpenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        account, key = body.validated_data.pop("account"), f"{source}:{external_id}"
        if len(key) > 190:
            raise Conflict("source and id together are longer than 190 characters")
        made = not Task.objects.filter(origin_key=f"api:{key}").exists()
        task = task_open(
            account_id=account.pk, origin_key=f"api:{key}", origin="api", origin_label=source, **body.validated_data
        )
        if made:
            audit(actor_of_key(request), "task.open", task, source=source, external_id=external_id)
        return Response(TaskSerializer(_tasks().get(pk=task.pk)).data, status=201 if made else 200)


def _tasks() -> QuerySet[Task]:
    found: QuerySet[Task] = Task.objects.select_related("account", "assignee")
    return found


urlpatterns = [
    *resource(
        "tasks",
        "Tasks of the tenant's people, newest first.",
        rows=_tasks,
        serializer=TaskSerializer,
        filters=(
            OF_ACCOUNT,
            by_choice("status", "only these", "status", TaskStatus.values),
            by_time("due_before", "due before this time", "due_at__lt"),
        ),
    ),
    route(f"tasks/{BY}", TaskBy, "task-by"),
]
