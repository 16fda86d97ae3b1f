"""REST: net revenue retention, with every switch of the methodology stated beside the figures."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.facts import today_of
from hub.rest.middleware import tenant_of
from hub.rest.params import choice_param, date_param, described
from hub.rest.routes import route
from metrics.methodology import EndDay, Methodology, Overlap, Window
from metrics.selectors import SEGMENTS, NrrReport, nrr_report

OVERLAPS = ("sum", "latest")
ENDS = ("exclusive", "inclusive")
# What MRR is read from; further ones come with further sources of truth.
BASES = ("contract_lines",)
MAX_MONTHS = 60
# Windows open up to MAX_MONTHS earlier and end a day later; both must be dates.
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class FiguresSerializer(serializers.Serializer[Any]):
    """Money in minor units; ratios are 1.0 for all of it, null without opening MRR."""

    opening = serializers.IntegerField()
    new = serializers.IntegerField()
    expansion = serializers.IntegerField()
    contraction = serializers.IntegerField()
    churn = serializers.IntegerField()
    reactivation = serializers.IntegerField()
    closing = serializers.IntegerField()
    nrr = serializers.FloatField(allow_null=True)
    grr = serializers.FloatField(allow_null=True)
    logo_retention = serializers.FloatField(allow_null=True)
    cohort_size = serializers.IntegerField()


class SegmentSerializer(FiguresSerializer):
    segment = serializers.CharField()


class MethodologySerializer(serializers.Serializer[Any]):
    window = serializers.CharField()
    overlap = serializers.ChoiceField(OVERLAPS)
    end = serializers.ChoiceField(ENDS)
    basis = serializers.ChoiceField(BASES)
    include_trials = serializers.BooleanField()
    include_one_time = serializers.BooleanField()


class NrrSerializer(FiguresSerializer):
    as_of = serializers.DateField()
    start = serializers.DateField(help_text="the day that the window opens on")
    currency = serializers.CharField()
    methodology = MethodologySerializer()
    segment_by = serializers.CharField(allow_null=True)
    segments = SegmentSerializer(many=True)


class Nrr(APIView):
    """Retention of a window, netted once per account between its two ends."""

    @extend_schema(
        parameters=[
            described("as_of", "the day that the window ends on; the last month end when left out", kind=date),
            described("window", f"months, like 12m (default) or 1m; at most {MAX_MONTHS}"),
            described("overlap", "lines of one account that run at once", choices=OVERLAPS),
            described("end", "whether a line's end day counts", choices=ENDS),
            described("basis", "what MRR is read from", choices=BASES),
            described("segment_by", "split by", choices=tuple(SEGMENTS)),
        ],
        responses=NrrSerializer,
    )
    def get(self, request: Request) -> Response:
        today = today_of(tenant_of(request))
        as_of = date_param(request, "as_of") or today.replace(day=1) - timedelta(days=1)
        if not EARLIEST <= as_of <= LATEST:
            raise ValidationError({"as_of": [f"expected a date from {EARLIEST} to {LATEST}"]})
        window = request.query_params.get("window", "") or "12m"
        basis = choice_param(request, "basis", BASES, BASES[0])
        method = Methodology(
            overlap=cast(Overlap, choice_param(request, "overlap", OVERLAPS, OVERLAPS[0])),
            end=cast(EndDay, choice_param(request, "end", ENDS, ENDS[0])),
        )
        report = nrr_report(
            as_of=as_of,
            months=_months(window),
            method=method,
            segment_by=choice_param(request, "segment_by", tuple(SEGMENTS)),
        )
        return Response(_document(report, window=window, basis=basis))


def _months(window: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]?)m", window)
    if match is None or int(match[1]) > MAX_MONTHS:
        raise ValidationError({"window": [f"expected months from 1m to {MAX_MONTHS}m"]})
    return int(match[1])


def _document(report: NrrReport, *, window: str, basis: str) -> dict[str, Any]:
    return {
        "as_of": report.as_of,
        "start": report.start,
        "currency": report.currency,
        "methodology": {"window": window, "basis": basis, **asdict(report.method)},
        **_figures(report.total),
        "segment_by": report.segment_by or None,
        "segments": [{"segment": name, **_figures(part)} for name, part in report.segments.items()],
    }


def _figures(part: Window) -> dict[str, Any]:
    ratios = {"nrr": part.nrr, "grr": part.grr, "logo_retention": part.logo_retention}
    figures = asdict(part)
    figures.pop("retained_logos")
    return figures | {name: _ratio(value) for name, value in ratios.items()}


def _ratio(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


urlpatterns = [route("metrics/nrr", Nrr, "nrr")]
