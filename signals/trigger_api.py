"""REST: triggers, the rules that turn facts into signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.core.exceptions import ValidationError as Invalid
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.registry.facts import known_facts
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described
from hub.rest.problems import Conflict, refused
from hub.rest.routes import ID, route
from hub.rules.explain import sentence
from hub.rules.language import Node, RuleError, parse
from hub.tenancy.remembering import current_tenant
from signals.models import Severity, Trigger, TriggerVersion
from signals.services import check_composition
from signals.trigger_page import TriggerCounts, counts_of, trigger_sentence
from signals.triggers.services import (
    SETTINGS,
    StaleError,
    WideError,
    stamp_of,
    trigger_change,
    trigger_create,
    trigger_switch,
)
from signals.triggers.trying import HISTORY_DAYS, Tried, rule_try


class PrecisionSerializer(serializers.Serializer[Any]):
    """How often the signals of a year that people judged were true; null while fewer than 20 are judged."""

    judged = serializers.IntegerField(help_text="resolved or dismissed")
    not_true = serializers.IntegerField(help_text="dismissed as not true")
    value = serializers.FloatField(allow_null=True, help_text="0 to 1")
    low = serializers.FloatField(allow_null=True, help_text="lower end of Wilson's interval of 95%")
    high = serializers.FloatField(allow_null=True, help_text="its upper end")


class TriggerSerializer(serializers.ModelSerializer[Trigger]):
    """A rule with its sentence; `rule` is the tree of the rule language."""

    sentence = serializers.SerializerMethodField()
    signals_30d = serializers.SerializerMethodField()
    precision = serializers.SerializerMethodField()
    rule = serializers.DictField(child=serializers.JSONField(), read_only=True)
    match = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = Trigger
        fields = [
            "id",
            "key",
            "name",
            "family",
            "kind",
            "severity",
            "sentence",
            "change_kind",
            "match",
            "rule",
            "version",
            "cooldown_days",
            "fire_on_first_sight",
            "is_active",
            "signals_30d",
            "precision",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(str)
    def get_sentence(self, trigger: Trigger) -> str:
        return trigger_sentence(trigger, getattr(trigger, "condition", None) or "")

    @extend_schema_field(int)
    def get_signals_30d(self, trigger: Trigger) -> int:
        return self._counts(trigger).fired_lately

    @extend_schema_field(PrecisionSerializer())
    def get_precision(self, trigger: Trigger) -> dict[str, Any]:
        found = self._counts(trigger).precision
        low, high = found.interval or (None, None)
        return {"judged": found.judged, "not_true": found.not_true, "value": found.value, "low": low, "high": high}

    def _counts(self, trigger: Trigger) -> TriggerCounts:
        """Counted once for all triggers of an answer."""
        kept = cast(dict[str, Any], self.context)
        if "counts" not in kept:
            shown = self.parent.instance if self.parent is not None else [trigger]
            kept["counts"] = counts_of(each.pk for each in shown or [])
        found: TriggerCounts = kept["counts"].get(trigger.pk, TriggerCounts())
        return found


def _tree(words: str, **more: Any) -> serializers.DictField:
    return serializers.DictField(child=serializers.JSONField(), help_text=words, **more)


class TriggerMakeSerializer(serializers.Serializer[Any]):
    """A computed trigger to be made."""

    key = serializers.SlugField(max_length=64, required=False, help_text="made from the name when left out")
    name = serializers.CharField(max_length=200)
    family = serializers.SlugField(max_length=32)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARNING.value)
    cooldown_days = serializers.IntegerField(min_value=0, max_value=730, default=0)
    fire_on_first_sight = serializers.BooleanField(
        default=False, help_text="also where it is true already when an account is first looked at"
    )
    rule = _tree("a tree of the rule language")
    confirmed = serializers.BooleanField(
        default=False, help_text="also when it fires on first sight for many accounts at once"
    )


class TriggerChangeSerializer(serializers.Serializer[Any]):
    """What of a trigger becomes another; what is left out stays."""

    name = serializers.CharField(max_length=200, required=False)
    family = serializers.SlugField(max_length=32, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    cooldown_days = serializers.IntegerField(min_value=0, max_value=730, required=False)
    fire_on_first_sight = serializers.BooleanField(required=False)
    rule = _tree("a tree of the rule language; another one is the next version", required=False)
    is_active = serializers.BooleanField(required=False)
    version = serializers.IntegerField(required=False, help_text="refuse when the trigger is at another version by now")
    confirm = serializers.BooleanField(required=False, help_text="also when many accounts are taken as already true")


class TryAskedSerializer(serializers.Serializer[Any]):
    """A candidate; the trigger's own where it is left out."""

    rule = _tree("a tree of the rule language", required=False)
    cooldown_days = serializers.IntegerField(min_value=0, max_value=730, required=False)


class TryAccountSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class TrySerializer(serializers.Serializer[Any]):
    """What a rule matches now and would have done."""

    sentence = serializers.CharField()
    matches = serializers.IntegerField(allow_null=True, help_text="accounts now; null when counting takes too long")
    first = TryAccountSerializer(many=True)
    days = serializers.IntegerField()
    fired = serializers.IntegerField(
        allow_null=True, help_text="times in these days, of all accounts in proportion to those asked; null: unknown"
    )
    asked = serializers.IntegerField(help_text="accounts that were asked")
    accounts = serializers.IntegerField()
    without_past = serializers.ListField(
        child=serializers.CharField(), help_text="facts of the rule that keep no past, so that nothing was counted"
    )


def _triggers() -> QuerySet[Trigger]:
    versions = TriggerVersion.objects.filter(trigger=OuterRef("pk"), version=OuterRef("version"))
    found: QuerySet[Trigger] = Trigger.objects.annotate(condition=Subquery(versions.values("sentence")[:1]))
    return found


@extend_schema(
    parameters=[
        described("kind", "only these", choices=Trigger.Kind.values),
        described("family", "only of this family"),
        described("key", "only the one with this key"),
    ]
)
class TriggerList(generics.ListAPIView[Trigger]):
    """The rules that watch every account, newest first."""

    serializer_class = TriggerSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Trigger]:
        found = _triggers()
        if kind := choice_param(self.request, "kind", Trigger.Kind.values):
            found = found.filter(kind=kind)
        for name in ("family", "key"):
            if value := self.request.query_params.get(name, "")[:200]:
                found = found.filter(**{name: value})
        return found

    @extend_schema(request=TriggerMakeSerializer, responses={201: TriggerSerializer})
    def post(self, request: Request) -> Response:
        """Make a computed trigger. Accounts of which its rule is true already make no signal."""
        body = TriggerMakeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            made = trigger_create(**body.validated_data, actor=actor_of_key(request))
        return Response(TriggerSerializer(_triggers().get(pk=made.pk)).data, status=201)


class TriggerDetail(generics.RetrieveAPIView[Trigger]):
    """One trigger: read, or changed by PATCH."""

    serializer_class = TriggerSerializer

    def get_queryset(self) -> QuerySet[Trigger]:
        return _triggers()

    @extend_schema(request=TriggerChangeSerializer, responses=TriggerSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        """Change a trigger. Another rule is the next version; one that becomes true of more than a tenth of the
        accounts at once, and switching such a trigger on, is refused (409) unless `confirm` is true."""
        trigger = self.get_object()
        body = TriggerChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if asked.get("version", trigger.version) != trigger.version:
            raise Conflict(f"the trigger is at version {trigger.version}")
        settings = {name: asked[name] for name in SETTINGS if name in asked}
        confirmed, actor = asked.get("confirm", False), actor_of_key(request)
        with _refusals():
            trigger_change(
                trigger=trigger,
                rule=asked.get("rule"),
                settings=settings,
                seen=stamp_of(trigger),
                confirmed=confirmed,
                actor=actor,
            )
            if "is_active" in asked:
                trigger_switch(trigger=trigger, is_active=asked["is_active"], confirmed=confirmed, actor=actor)
        return Response(TriggerSerializer(_triggers().get(pk=trigger.pk)).data)


class TriggerTry(APIView):
    """What a rule would do under a trigger's name: whom it matches, how often it would have fired. Changes nothing."""

    @extend_schema(request=TryAskedSerializer, responses=TrySerializer)
    def post(self, request: Request, pk: str) -> Response:
        trigger = generics.get_object_or_404(Trigger.objects.all(), pk=pk)
        body = TryAskedSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        tenant = current_tenant()
        with _refusals():
            node = parse(asked.get("rule", trigger.rule), known_facts())
            check_composition(trigger, node)
        cooldown, fires = asked.get("cooldown_days", trigger.cooldown_days), trigger.kind == Trigger.Kind.COMPUTED
        return Response(_try_document(node, rule_try(node, tenant, cooldown_days=cooldown, fires=fires)))


def _try_document(node: Node, tried: Tried) -> dict[str, Any]:
    now, past = tried.now, tried.past
    counted = past is not None and past.in_time and not past.without_past
    return {
        "sentence": sentence(node),
        "matches": now.count if now else None,
        "first": [{"id": pk, "name": name} for pk, name in now.first] if now else [],
        "days": HISTORY_DAYS,
        "fired": past.estimate if past and counted else None,
        "asked": past.asked if past else 0,
        "accounts": past.accounts if past else 0,
        "without_past": list(past.without_past) if past else [],
    }


@contextmanager
def _refusals() -> Iterator[None]:
    """What the services refuse, as errors of the interface; a rule's with the place in it that is wrong."""
    try:
        yield
    except RuleError as error:
        found: dict[str, list[str]] = {}
        for each in error.problems:
            found.setdefault(f"rule{each.pointer}", []).append(each.message)
        raise ValidationError(found) from error
    except Invalid as error:
        raise refused(error) from error
    except StaleError as error:
        raise Conflict("somebody else has changed the trigger meanwhile; read it again") from error
    except WideError as error:
        newly, accounts = error.blast.newly, error.blast.accounts
        becomes = "each of which gets a signal" if error.fires else "which would be taken as already true"
        count = f"{newly.count} of {accounts}" if newly else f"an unknown number of {accounts}"
        raise Conflict(f"it becomes true of {count} accounts at once, {becomes}; send confirm: true") from error


urlpatterns = [
    route("triggers", TriggerList, "triggers"),
    route(f"triggers/{ID}", TriggerDetail, "trigger"),
    route(f"triggers/{ID}/try", TriggerTry, "trigger-try"),
]
