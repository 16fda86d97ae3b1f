from django.urls import path

from signals.health import views

app_name = "health"
urlpatterns = [
    path("accounts/<uuid:account_id>/health/override/", views.override, name="override"),
    path("accounts/<uuid:account_id>/health/override/end/", views.override_end, name="override_end"),
    path("accounts/<uuid:account_id>/health/by-hand/", views.hand, name="hand"),
]
