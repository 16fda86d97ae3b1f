from django.urls import path

from signals.health import card_views, views

app_name = "health"
urlpatterns = [
    path("accounts/<uuid:account_id>/health/override/", views.override, name="override"),
    path("accounts/<uuid:account_id>/health/override/end/", views.override_end, name="override_end"),
    path("accounts/<uuid:account_id>/health/by-hand/", views.hand, name="hand"),
    path("set-up/health/", card_views.cards, name="cards"),
    path("set-up/health/new/", card_views.card_new, name="card_new"),
    path("set-up/health/<uuid:scorecard_id>/", card_views.card, name="card"),
    path("set-up/health/<uuid:scorecard_id>/apply/", card_views.card_apply, name="card_apply"),
    path("set-up/health/<uuid:scorecard_id>/edit/", card_views.card_edit, name="card_edit"),
]
