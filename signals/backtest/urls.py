from django.urls import path

from signals.backtest import views

app_name = "backtest"
urlpatterns = [
    path("health/back-tests/", views.backtest_list, name="list"),
    path("health/back-tests/start/", views.start, name="start"),
    path("health/back-tests/<uuid:backtest_id>/", views.backtest, name="run"),
    path("health/back-tests/<uuid:backtest_id>/left/", views.losses, name="losses"),
    path("health/back-tests/<uuid:backtest_id>/cancel/", views.cancel, name="cancel"),
    path("health/back-tests/<uuid:backtest_id>/publish/", views.publish, name="publish"),
]
