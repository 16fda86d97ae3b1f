from django.urls import path

from metrics import theme_views, views
from metrics.planning import views as planning
from metrics.quality import views as quality

app_name = "metrics"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("accounts/", views.accounts, name="accounts"),
    path("contradictions/", views.contradictions, name="contradictions"),
    path("themes/", theme_views.themes, name="themes"),
    path("data-quality/", quality.quality, name="quality"),
    path("data-quality/accounts/", quality.incomplete, name="incomplete"),
    path("data-quality/events/", quality.unmatched, name="unmatched"),
    path("planning/", planning.plan, name="planning"),
    path("planning/add/", planning.add, name="planning_add"),
    path("planning/close/", planning.close, name="planning_close"),
    path("planning/<uuid:focus_id>/", planning.change, name="planning_change"),
    path("planning/<uuid:focus_id>/commit/", planning.commit, name="planning_commit"),
    path("planning/commitments/<uuid:commitment_id>/", planning.tick, name="planning_tick"),
    path("themes/texts/", theme_views.texts, name="texts"),
]
