from django.urls import path

from signals import views
from signals.triggers import views as building

app_name = "signals"
urlpatterns = [
    path("", views.signal_list, name="list"),
    path("<uuid:signal_id>/resolve/", views.signal_resolve, name="resolve"),
    path("<uuid:signal_id>/dismiss/", views.signal_dismiss, name="dismiss"),
    path("triggers/", views.trigger_list, name="triggers"),
    path("triggers/new/", building.trigger_new, name="trigger_new"),
    path("triggers/try/", building.trigger_try, name="trigger_try"),
    path("triggers/<uuid:trigger_id>/", views.trigger_page, name="trigger"),
    path("triggers/<uuid:trigger_id>/edit/", building.trigger_edit_page, name="trigger_edit"),
    path("triggers/<uuid:trigger_id>/switch/", building.trigger_toggle, name="trigger_switch"),
    path("triggers/<uuid:trigger_id>/restore/", building.trigger_back, name="trigger_restore"),
]
