"""REST: the rules of the stages, why each account is in its stage, and what people set against the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.facts import today_of
from hub.accounts.models import Account, LifecycleStage
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import OF_ACCOUNT, by_choice, resource
from hub.rest.routes import ID, route
from hub.rules.language import RuleError
from hub.tenancy.remembering import current_tenant
from signals.stages import services
from signals.stages.flags import flags_checked, flags_of
from signals.stages.models import StageCause, StageChange
from signals.stages.page import account_stage, rule_lines
from signals.stages.preview import preview
from signals.stages.rules import checked, current_stages


class StageRuleSerializer(serializers.Serializer[Any]):
    """A rule of a stage. The last one of the list is for every account that is left: `{"all": []}`."""

    stage = serializers.ChoiceField(choices=LifecycleStage.choices)
    rule = serializers.DictField(child=serializers.JSONField(), help_text="a tree of the rule language")
    sentence = serializers.CharField(read_only=True)
    accounts = serializers.IntegerField(read_only=True, help_text="accounts whose stage it says now")


class StagesSerializer(serializers.Serializer[Any]):
    """The rules that count: asked in their order, the first that holds says the stage. Version 0 is what ships."""

    version = serializers.IntegerField()
    rules = StageRuleSerializer(many=True)
    flags = serializers.DictField(
        child=serializers.DictField(child=serializers.JSONField()), help_text="the rules of the flags beside the stage"
    )


class StagesPutSerializer(serializers.Serializer[Any]):
    """The next version of the rules."""

    rules = StageRuleSerializer(many=True)
    flags = serializers.DictField(
        child=serializers.DictField(child=serializers.JSONField()),
        required=False,
        help_text="the rules of the flags expansion and advocacy; left out, they stay",
    )
    note = serializers.CharField(max_length=500, help_text="what is changed, and why")
    version = serializers.IntegerField(help_text="the version that was read; refused when it is another by now")
    confirm = serializers.BooleanField(default=False, help_text="also when more than a tenth of the accounts move")


class StagesTrySerializer(serializers.Serializer[Any]):
    rules = StageRuleSerializer(many=True)


class MoveSerializer(serializers.Serializer[Any]):
    before = serializers.CharField()
    stage = serializers.CharField()
    accounts = serializers.IntegerField()


class StagesTriedSerializer(serializers.Serializer[Any]):
    """What rules would do: whom they would move. All is null when counting takes too long."""

    accounts = serializers.IntegerField(allow_null=True)
    moved = serializers.IntegerField(allow_null=True)
    moves = MoveSerializer(many=True, allow_null=True)


@contextmanager
def _refusals(field: str = "rules") -> Iterator[None]:
    try:
        yield
    except RuleError as error:
        found: dict[str, list[str]] = {}
        for each in error.problems:
            found.setdefault(f"{field}{each.pointer}", []).append(each.message)
        raise ValidationError(found) from error
    except services.StageError as error:
        raise ValidationError({"detail": [str(error)]}) from error
    except services.StaleError as error:
        raise Conflict("somebody else has published rules meanwhile; read them again") from error
    except services.WideError as error:
        count = f"{error.preview.moved} of {error.preview.accounts}" if error.preview else "an unknown number of"
        raise Conflict(f"it moves {count} accounts at once; send confirm: true") from error


def _raw(request: Request) -> Any:
    """The rules as they were sent: the language reads them itself, and names what is wrong by its place."""
    return request.data.get("rules") if isinstance(request.data, dict) else None


class StageRules(APIView):
    """The rules of the lifecycle stages: read, or published anew as a whole."""

    @extend_schema(responses=StagesSerializer, operation_id="stages_retrieve")
    def get(self, request: Request) -> Response:
        return Response(_document())

    @extend_schema(request=StagesPutSerializer, responses=StagesSerializer, operation_id="stages_publish")
    def put(self, request: Request) -> Response:
        """Publish the next version. Stages follow in the background; no signal is made for that."""
        body = StagesPutSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        flags = body.initial_data.get("flags")
        if flags is not None:
            with _refusals("flags"):
                flags = flags_checked(flags)
        with _refusals():
            services.stages_publish(
                flags=flags,
                rules=[{"stage": row.get("stage"), "rule": row.get("rule")} for row in _raw(request)],
                note=asked["note"],
                seen=asked["version"],
                user=None,
                actor=actor_of_key(request),
                confirmed=asked["confirm"],
            )
        return Response(_document())


def _document() -> dict[str, Any]:
    stages = current_stages()
    return {
        "version": stages.number,
        "rules": [
            {"stage": line.rule.stage, "rule": line.rule.tree, "sentence": line.sentence, "accounts": line.accounts}
            for line in rule_lines(stages)
        ],
        "flags": flags_of(stages.flags),
    }


class StagesTry(APIView):
    """Whom rules would move, if they were published. Changes nothing."""

    @extend_schema(request=StagesTrySerializer, responses=StagesTriedSerializer, operation_id="stages_try")
    def post(self, request: Request) -> Response:
        body = StagesTrySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            rules = checked([{"stage": row.get("stage"), "rule": row.get("rule")} for row in _raw(request)])
        found = preview(replace(current_stages(), rules=rules), current_tenant())
        if found is None:
            return Response({"accounts": None, "moved": None, "moves": None})
        moves = [{"before": each.before, "stage": each.stage, "accounts": each.accounts} for each in found.moves]
        return Response({"accounts": found.accounts, "moved": found.moved, "moves": moves})


# --- Of an account ------------------------------------------------------------------------------------------------


class OverrideSerializer(serializers.Serializer[Any]):
    """A stage set against the rules."""

    stage = serializers.ChoiceField(choices=LifecycleStage.choices)
    reason = serializers.CharField(max_length=500)
    until = serializers.DateField(help_text="the last day on which it counts, at most 90 days off")


class AccountStageSerializer(serializers.Serializer[Any]):
    """An account's stage and why it is in it."""

    account = serializers.UUIDField()
    stage = serializers.CharField()
    by_rules = serializers.CharField(help_text="what the rules alone say; empty before they were asked")
    reason = serializers.CharField(help_text="the rule that holds, with the values that it sees now")
    version = serializers.IntegerField(help_text="of the rules")
    since = serializers.DateTimeField(allow_null=True)
    override = OverrideSerializer(allow_null=True, help_text="what stands by hand")


class AccountStage(APIView):
    """Why an account is in its stage, and setting it by hand for some days."""

    @extend_schema(responses=AccountStageSerializer, operation_id="account_stage_retrieve")
    def get(self, request: Request, pk: str) -> Response:
        return Response(_stage_document(_account(pk)))

    @extend_schema(request=OverrideSerializer, responses=AccountStageSerializer, operation_id="account_stage_override")
    def put(self, request: Request, pk: str) -> Response:
        """Set the stage against the rules until a day; the account follows within seconds."""
        account, body = _account(pk), OverrideSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            services.stage_override_set(
                account=account, **body.validated_data, today=today_of(account.tenant), user=None,
                actor=actor_of_key(request),
            )  # fmt: skip
        return Response(_stage_document(account))

    @extend_schema(responses={204: None}, operation_id="account_stage_override_end")
    def delete(self, request: Request, pk: str) -> Response:
        """Let the rules say the stage again."""
        services.stage_override_end(account=_account(pk), actor=actor_of_key(request))
        return Response(status=204)


def _account(pk: str) -> Account:
    found: Account = generics.get_object_or_404(Account.objects.select_related("tenant"), pk=pk)
    return found


def _stage_document(account: Account) -> dict[str, Any]:
    found = account_stage(account, account.tenant)
    override = found.override
    return {
        "account": str(account.pk),
        "stage": found.stage,
        "by_rules": found.by_rules,
        "reason": found.reason,
        "version": found.version,
        "since": found.since,
        "override": override and {"stage": override.stage, "reason": override.reason, "until": override.until},
    }


class StageChangeSerializer(serializers.ModelSerializer[StageChange]):
    """A change of an account's stage: the rule that held with the values it saw, or who set it."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    evidence = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = StageChange
        fields = ["id", "account", "at", "before", "stage", "cause", "version", "reason", "evidence"]
        read_only_fields = fields


def _changes() -> QuerySet[StageChange]:
    found: QuerySet[StageChange] = StageChange.objects.all()
    return found


urlpatterns = [
    route("stages", StageRules, "stages"),
    route("stages/try", StagesTry, "stages-try"),
    route(f"accounts/{ID}/stage", AccountStage, "account-stage"),
    *resource(
        "stage-changes",
        "Changes of accounts' stages, newest first.",
        rows=_changes,
        serializer=StageChangeSerializer,
        filters=(
            OF_ACCOUNT,
            by_choice("stage", "only into this stage", "stage", LifecycleStage.values),
            by_choice("cause", "only for this cause", "cause", StageCause.values),
        ),
    ),
]
