"""REST: tasks of people and their playbooks; other systems may open a task, once, and say what became of it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.references import AccountReference
from hub.people.audit import audit
from hub.people.models import User
from hub.people.selectors import members
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import OF_ACCOUNT, by_choice, by_text, by_time, resource
from hub.rest.routes import BY, ID, route
from hub.tenancy.remembering import current_tenant
from hub.work.models import Helped, PlaybookVersion, Task, TaskStatus
from hub.work.services import Act, Action, task_open, tasks_act
from hub.work.services.acting import LONGEST_NOTE
from hub.work.targets import MOST_HOURS

# A program is nobody who could take a task.
ACTIONS = [action.value for action in Action if action != Action.TAKE]


class TaskSerializer(serializers.ModelSerializer[Task]):
    """A person's piece of work at an account."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    assignee = serializers.CharField(source="assignee.email", default=None, read_only=True, allow_null=True)
    playbook_key = serializers.CharField(
        source="playbook_version.playbook.key", default=None, read_only=True, allow_null=True
    )
    playbook_version = serializers.IntegerField(
        source="playbook_version.number", default=None, read_only=True, allow_null=True
    )
    response = serializers.CharField(
        read_only=True, help_text="the first action: take, tick, contact, complete or dismiss; empty: none yet"
    )
    helped = serializers.CharField(read_only=True, help_text="yes, no or too_soon; empty: nobody has said")

    class Meta:
        model = Task
        fields = [
            "id",
            "account",
            "account_name",
            "title",
            "playbook",
            "playbook_key",
            "playbook_version",
            "assignee",
            "due_at",
            "respond_by",
            "responded_at",
            "response",
            "snoozed_until",
            "snooze_reason",
            "status",
            "closed_at",
            "closed_reason",
            "helped",
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
    playbook_key = serializers.SlugField(required=False, allow_blank=True, default="", max_length=64)
    respond_hours = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MOST_HOURS
    )
    due_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class TaskActSerializer(serializers.Serializer[Any]):
    """What is to be done with a task."""

    action = serializers.ChoiceField(choices=ACTIONS)
    assignee = serializers.EmailField(
        required=False, allow_null=True, default=None, help_text="of `assign`; null: nobody"
    )
    until = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="of `snooze`")
    helped = serializers.ChoiceField(
        choices=Helped.choices, required=False, allow_blank=True, default="", help_text="of `complete` and `judge`"
    )
    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=LONGEST_NOTE, help_text="`snooze`, `dismiss` need it"
    )


class StepSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    text = serializers.CharField()


class LinkSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # the metaclass takes it off the class
    url = serializers.CharField()


class PlaybookSerializer(serializers.ModelSerializer[PlaybookVersion]):
    """What a playbook says now."""

    id = serializers.UUIDField(source="playbook_id", read_only=True)
    key = serializers.CharField(source="playbook.key", read_only=True)
    name = serializers.CharField(source="playbook.name", read_only=True)
    description = serializers.CharField(source="playbook.description", read_only=True)
    is_active = serializers.BooleanField(source="playbook.is_active", read_only=True)
    version = serializers.IntegerField(source="number", read_only=True)
    clock = serializers.CharField(read_only=True, help_text="calendar or business; empty: the tenant's own")
    steps = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = PlaybookVersion
        fields = [
            "id",
            "key",
            "name",
            "description",
            "is_active",
            "version",
            "steps",
            "talk_track",
            "links",
            "respond_hours",
            "clock",
            "saved_at",
        ]
        read_only_fields = fields

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, version: PlaybookVersion) -> list[dict[str, str]]:
        found: list[dict[str, str]] = version.steps
        return found

    @extend_schema_field(LinkSerializer(many=True))
    def get_links(self, version: PlaybookVersion) -> list[dict[str, str]]:
        found: list[dict[str, str]] = version.links
        return found


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


class TaskAct(APIView):
    """Do something with a task; 409 where its state does not fit, because somebody was faster."""

    @extend_schema(request=TaskActSerializer, responses={200: TaskSerializer})
    def post(self, request: Request, pk: str) -> Response:
        body = TaskActSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        task, said = get_object_or_404(Task, pk=pk), body.validated_data
        act = Act(Action(said["action"]), _member(said["assignee"]), said["until"], said["helped"], said["note"])
        try:
            done = tasks_act(ids=[task.pk], act=act, actor=actor_of_key(request))
        except Invalid as error:
            raise ValidationError(error.message_dict) from None
        if not done:
            raise Conflict("the task is in another state, or it was so already")
        return Response(TaskSerializer(_tasks().get(pk=pk)).data)


def _member(email: str | None) -> Any:
    if email is None:
        return None
    people: list[User] = members(current_tenant())
    found = [user.pk for user in people if user.email.lower() == email.lower()]
    if not found:
        raise ValidationError({"assignee": ["nobody of this tenant"]})
    return found[0]


def _tasks() -> QuerySet[Task]:
    found: QuerySet[Task] = Task.objects.select_related("account", "assignee", "playbook_version__playbook")
    return found


def _playbooks() -> QuerySet[PlaybookVersion]:
    found: QuerySet[PlaybookVersion] = PlaybookVersion.objects.select_related("playbook")
    return found.filter(number=F("playbook__live"))


class PlaybookOne(APIView):
    """What a playbook says now, by its key."""

    @extend_schema(responses={200: PlaybookSerializer})
    def get(self, request: Request, key: str) -> Response:
        return Response(PlaybookSerializer(get_object_or_404(_playbooks(), playbook__key=key)).data)


class PlaybookList(APIView):
    """The playbooks, by name."""

    @extend_schema(responses={200: PlaybookSerializer(many=True)})
    def get(self, request: Request) -> Response:
        found = _playbooks().order_by("playbook__name", "playbook__key")
        return Response(PlaybookSerializer(found, many=True).data)


urlpatterns = [
    *resource(
        "tasks",
        "Tasks of the tenant's people, newest first.",
        rows=_tasks,
        serializer=TaskSerializer,
        filters=(
            OF_ACCOUNT,
            by_choice("status", "only these", "status", TaskStatus.values),
            by_text("playbook", "only those of this playbook, by its key", "playbook_version__playbook__key"),
            by_time("due_before", "due before this time", "due_at__lt"),
        ),
    ),
    route(f"tasks/{BY}", TaskBy, "task-by"),
    route(f"tasks/{ID}/act", TaskAct, "task-act"),
    route("playbooks", PlaybookList, "playbooks"),
    route(r"playbooks/(?P<key>[-a-z0-9_]{1,64})", PlaybookOne, "playbook"),
]
