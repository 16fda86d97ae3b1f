from django.urls import path

from signals.stages import views

app_name = "stages"
urlpatterns = [
    path("accounts/<uuid:account_id>/stage/override/", views.override, name="override"),
    path("accounts/<uuid:account_id>/stage/override/end/", views.override_end, name="override_end"),
    path("set-up/stages/", views.rules, name="list"),
    path("set-up/stages/change/", views.change, name="change"),
    path("set-up/stages/try/", views.rule_try, name="try"),
    path("set-up/stages/new/", views.rule_new, name="new"),
    path("set-up/stages/flags/expansion/", views.flag, {"key": "expansion"}, name="flag_expansion"),
    path("set-up/stages/flags/advocacy/", views.flag, {"key": "advocacy"}, name="flag_advocacy"),
    path("set-up/stages/<int:position>/", views.rule_edit, name="rule"),
]
