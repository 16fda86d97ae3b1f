"""REST: what is done with signals, one or many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as Invalid
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.people.audit import Actor
from hub.people.models import Membership
from hub.rest.middleware import actor_of_key
from hub.rest.problems import refused
from hub.rest.routes import ID, route
from hub.tenancy.context import current_tenant_id
from signals.inbox.acting import Act, Action, signals_act
from signals.inbox.bulk import MOST_CHOSEN, bulk_start
from signals.inbox.query import TABS, InboxQuery
from signals.models import BulkStatus, DismissReason, Severity, Signal, SignalBulk, SignalStatus

NOTE: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 200}


class SignalChangeSerializer(serializers.Serializer[Any]):
    """What of a signal becomes another; what is left out stays."""

    status = serializers.ChoiceField(
        choices=["open", "resolved", "dismissed"], required=False, help_text="dismissed takes a reason"
    )
    reason = serializers.ChoiceField(
        choices=DismissReason.choices,
        required=False,
        help_text="why it is dismissed; not_true counts against precision",
    )
    note = serializers.CharField(**NOTE, help_text="words beside it; other as a reason needs some")
    assignee = serializers.EmailField(required=False, allow_null=True, help_text="a member; null: nobody")
    snoozed_until = serializers.DateTimeField(required=False, allow_null=True, help_text="null brings it back now")
    acknowledged = serializers.BooleanField(required=False, help_text="true: somebody has seen it; it stays so")


def change(signal: Signal, asked: dict[str, Any], actor: Actor) -> None:
    """Do what a PATCH asks for, all of it or nothing."""
    with refusals(), transaction.atomic():
        for act in _acts(asked):
            signals_act(ids=[signal.pk], act=act, actor=actor)


def _acts(asked: dict[str, Any]) -> Iterator[Act]:
    note = asked.get("note", "")
    if asked.get("status") == SignalStatus.OPEN:
        yield Act(Action.REOPEN)
    if "assignee" in asked:
        yield Act(Action.ASSIGN, assignee=_member(asked["assignee"]))
    if "snoozed_until" in asked:
        until: datetime | None = asked["snoozed_until"]
        yield Act(Action.SNOOZE, until=until) if until else Act(Action.RETURN)
    if asked.get("acknowledged"):
        yield Act(Action.ACKNOWLEDGE)
    if asked.get("status") == SignalStatus.RESOLVED:
        yield Act(Action.RESOLVE, note=note)
    if asked.get("status") == SignalStatus.DISMISSED:
        yield Act(Action.DISMISS, reason=asked.get("reason", ""), note=note)


def _member(email: str | None) -> UUID | None:
    if email is None:
        return None
    found = Membership.objects.filter(tenant_id=current_tenant_id(), user__email__iexact=email, is_active=True)
    user_id = found.values_list("user_id", flat=True).first()
    if user_id is None:
        raise ValidationError({"assignee": ["nobody of this tenant has this address"]})
    return user_id


class SelectionSerializer(serializers.Serializer[Any]):
    """Signals by what the inbox can be filtered by."""

    status = serializers.ChoiceField(choices=list(TABS), default="open")
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    family = serializers.CharField(max_length=32, required=False)
    trigger = serializers.CharField(max_length=64, required=False, help_text="a trigger's key")
    segment = serializers.CharField(max_length=100, required=False, help_text="of the account")
    account = serializers.UUIDField(required=False)


class ActSerializer(serializers.Serializer[Any]):
    """One action on many signals: those named by `ids`, or all that `filter` leaves."""

    action = serializers.ChoiceField(choices=[str(action) for action in Action])
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_CHOSEN)
    filter = SelectionSerializer(required=False)
    assignee = serializers.EmailField(required=False, allow_null=True, help_text="for assign; null: nobody")
    until = serializers.DateTimeField(required=False, help_text="for snooze")
    reason = serializers.ChoiceField(choices=DismissReason.choices, required=False, help_text="for dismiss")
    note = serializers.CharField(**NOTE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) is ("filter" in attrs):
            raise serializers.ValidationError("give either ids or filter")
        return attrs


@extend_schema_serializer(component_name="SignalAct")
class ActAnswerSerializer(serializers.ModelSerializer[SignalBulk]):
    """An action on many signals: `changed` of `total`; the others were so already, or somebody was faster."""

    class Meta:
        model = SignalBulk
        fields = ["id", "action", "status", "total", "changed", "left", "reason", "created_at", "finished_at"]
        read_only_fields = fields


class SignalActs(generics.ListAPIView[SignalBulk]):
    """Actions on many signals, newest first."""

    serializer_class = ActAnswerSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[SignalBulk]:
        found: QuerySet[SignalBulk] = SignalBulk.objects.all()
        return found

    @extend_schema(request=ActSerializer, responses={200: ActAnswerSerializer, 202: ActAnswerSerializer})
    def post(self, request: Request) -> Response:
        """Act on many signals: up to 500 by their ids, at once, or all that a filter leaves, by a worker when many."""
        body = ActSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, actor = body.validated_data, actor_of_key(request)
        act = Act(
            Action(asked["action"]),
            assignee=_member(asked.get("assignee")) if asked["action"] == Action.ASSIGN else None,
            until=asked.get("until"),
            reason=asked.get("reason", ""),
            note=asked["note"],
        )
        with refusals():
            bulk = _by_ids(asked["ids"], act, actor) if "ids" in asked else _by_filter(asked["filter"], act, actor)
        done = bulk.status != BulkStatus.RUNNING
        return Response(ActAnswerSerializer(bulk).data, status=200 if done else 202)


def _by_ids(ids: list[UUID], act: Act, actor: Actor) -> SignalBulk:
    wanted, now = list(dict.fromkeys(ids)), timezone.now()
    with transaction.atomic():
        changed = len(signals_act(ids=wanted, act=act, actor=actor))
        # Kept in the same form, though nothing of it is left to do.
        bulk: SignalBulk = SignalBulk.objects.create(
            action=act.action,
            values=act.as_json(),
            status=BulkStatus.DONE,
            total=len(wanted),
            changed=changed,
            left=len(wanted) - changed,
            asked_label=actor.label[:200],
            created_at=now,
            finished_at=now,
        )
    return bulk


def _by_filter(given: dict[str, Any], act: Act, actor: Actor) -> SignalBulk:
    query = InboxQuery.read({name: str(value) for name, value in given.items()})
    return bulk_start(query=query, act=act, actor=actor)


class SignalActDetail(generics.RetrieveAPIView[SignalBulk]):
    """How far an action on many signals is."""

    serializer_class = ActAnswerSerializer

    def get_queryset(self) -> QuerySet[SignalBulk]:
        found: QuerySet[SignalBulk] = SignalBulk.objects.all()
        return found


@contextmanager
def refusals() -> Iterator[None]:
    """What the services refuse, as errors of the interface."""
    try:
        yield
    except Invalid as error:
        raise refused(error) from error


urlpatterns = [
    route("signals/acts", SignalActs, "signal-acts"),
    route(f"signals/acts/{ID}", SignalActDetail, "signal-act"),
]
