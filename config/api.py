"""Addresses of the REST interface: what each app answers, the description, and nothing else."""

from __future__ import annotations

from django.urls import URLPattern, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from advocacy.api import urlpatterns as advocacy
from hub.accounts.api import urlpatterns as accounts
from hub.feedback.api import urlpatterns as feedback
from hub.ingest.connectors.api import urlpatterns as connections
from hub.ingest.writing.api import urlpatterns as writing
from hub.outbound.exports.api import urlpatterns as exports
from hub.outbound.webhooks.api import urlpatterns as webhooks
from hub.outbox.api import urlpatterns as messages
from hub.outbox.story_api import urlpatterns as stories
from hub.plans.api import urlpatterns as plans
from hub.rest.docs import docs
from hub.rest.routes import nothing_here, route
from hub.revenue.api import urlpatterns as revenue
from hub.shell.api import urlpatterns as views
from hub.usage.api import urlpatterns as usage
from hub.work.api import urlpatterns as work
from journeys.analytics.api import urlpatterns as figures
from journeys.api import urlpatterns as journeys
from journeys.decisions.api import urlpatterns as choices
from journeys.draft_api import urlpatterns as drafts
from journeys.experiments.api import urlpatterns as experiments
from journeys.journey_api import urlpatterns as journey_rows
from journeys.list_api import urlpatterns as journey_lists
from metrics.api import urlpatterns as metrics
from metrics.planning.api import urlpatterns as planning
from metrics.quality.api import urlpatterns as quality
from qbr.api import urlpatterns as qbrs
from signals.api import urlpatterns as signals
from signals.backtest.api import urlpatterns as backtests
from signals.health.api import urlpatterns as health
from signals.prediction.api import urlpatterns as predictions
from signals.readiness.api import urlpatterns as readiness
from signals.segments.api import urlpatterns as segments
from signals.stages.api import urlpatterns as stages
from signals.trigger_api import urlpatterns as triggers

app_name = "api"
urlpatterns: list[URLPattern] = [
    *accounts,
    *revenue,
    *feedback,
    *plans,
    *usage,
    *work,
    *messages,
    *stories,
    *signals,
    *triggers,
    *health,
    *backtests,
    *predictions,
    *stages,
    *segments,
    *readiness,
    *figures,
    *journeys,
    *journey_rows,
    *journey_lists,
    *choices,
    *drafts,
    *experiments,
    *qbrs,
    *advocacy,
    *exports,
    *webhooks,
    *connections,
    *writing,
    *views,
    *metrics,
    *planning,
    *quality,
    route("schema", SpectacularJSONAPIView, "schema"),
    re_path(r"^docs/?$", docs, name="docs"),
    re_path(r"", nothing_here),
]
