from django.urls import path

from signals import views

app_name = "signals"
urlpatterns = [
    path("", views.signal_list, name="list"),
    path("<uuid:signal_id>/resolve/", views.signal_resolve, name="resolve"),
    path("<uuid:signal_id>/dismiss/", views.signal_dismiss, name="dismiss"),
    path("triggers/", views.trigger_list, name="triggers"),
    path("triggers/<uuid:trigger_id>/", views.trigger_page, name="trigger"),
]
