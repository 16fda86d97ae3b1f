"""Addresses of the REST interface: what each app answers, the description, and nothing else."""

from __future__ import annotations

from django.urls import URLPattern, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from hub.accounts.api import urlpatterns as accounts
from hub.feedback.api import urlpatterns as feedback
from hub.plans.api import urlpatterns as plans
from hub.rest.docs import docs
from hub.rest.routes import nothing_here, route
from hub.revenue.api import urlpatterns as revenue
from journeys.api import urlpatterns as journeys
from metrics.api import urlpatterns as metrics
from signals.api import urlpatterns as signals

app_name = "api"
urlpatterns: list[URLPattern] = [
    *accounts,
    *revenue,
    *feedback,
    *plans,
    *signals,
    *journeys,
    *metrics,
    route("schema", SpectacularJSONAPIView, "schema"),
    re_path(r"^docs/?$", docs, name="docs"),
    re_path(r"", nothing_here),
]
