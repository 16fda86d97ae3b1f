"""Every address of the product, by surface."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from hub.people.urls import account_urlpatterns

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("config.probes")),
    path("", include("hub.ingest.urls")),
    path("", include("hub.ingest.connectors.urls")),
    path("api/v1/", include("config.api")),
    path("", include("hub.people.urls")),
    path("accounts/", include(account_urlpatterns)),
    path("", include("hub.portal.urls")),
    path("t/<slug:tenant>/", include("hub.shell.urls")),
    path("t/<slug:tenant>/accounts/", include("hub.shell.account_urls")),
    path("t/<slug:tenant>/", include("hub.accounts.urls")),
    path("t/<slug:tenant>/", include("hub.revenue.urls")),
    path("t/<slug:tenant>/", include("hub.feedback.urls")),
    path("t/<slug:tenant>/sources/", include("hub.ingest.sources.urls")),
    path("t/<slug:tenant>/imports/", include("hub.ingest.imports.urls")),
    path("t/<slug:tenant>/metrics/", include("metrics.urls")),
    path("t/<slug:tenant>/signals/", include("signals.urls")),
    path("t/<slug:tenant>/", include("signals.health.urls")),
    path("t/<slug:tenant>/", include("signals.backtest.urls")),
    path("t/<slug:tenant>/", include("signals.prediction.urls")),
    path("t/<slug:tenant>/", include("signals.stages.urls")),
    path("t/<slug:tenant>/", include("signals.segments.urls")),
    path("t/<slug:tenant>/", include("signals.readiness.urls")),
    path("t/<slug:tenant>/", include("hub.outbound.urls")),
    path("t/<slug:tenant>/", include("hub.work.urls")),
    path("", include("hub.work.public_urls")),
    path("t/<slug:tenant>/", include("hub.plans.urls")),
    path("t/<slug:tenant>/", include("qbr.urls")),
    path("t/<slug:tenant>/", include("advocacy.urls")),
    path("t/<slug:tenant>/", include("journeys.decisions.urls")),
    path("t/<slug:tenant>/journeys/", include("journeys.urls")),
    path("hub/<slug:tenant>/", include("qbr.hub_urls")),
    path("hub/<slug:tenant>/", include("advocacy.hub_urls")),
    path("hub/<slug:tenant>/", include("journeys.hub_urls")),
    path("", include("hub.outbox.urls")),
]
