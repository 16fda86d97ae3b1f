from django.urls import path

from signals import views
from signals.inbox import views as inbox
from signals.storms import views as storms
from signals.triggers import views as building

app_name = "signals"
urlpatterns = [
    path("", inbox.signal_list, name="list"),
    path("<uuid:signal_id>/", inbox.signal_page, name="signal"),
    path("<uuid:signal_id>/do/", inbox.signal_do, name="do"),
    path("act/", inbox.act_choose, name="act"),
    path("act/do/", inbox.act_many, name="act_do"),
    path("mail/", inbox.mail_set, name="mail"),
    path("acts/<uuid:signal_bulk_id>/", inbox.bulk_page, name="bulk"),
    path("acts/<uuid:signal_bulk_id>/stop/", inbox.bulk_stop, name="bulk_stop"),
    path("storms/", storms.storm_list, name="storms"),
    path("storms/limits/", storms.limits_save, name="storm_limits"),
    path("storms/<uuid:storm_id>/", storms.storm_page, name="storm"),
    path("storms/<uuid:storm_id>/release/", storms.release, name="storm_release"),
    path("storms/<uuid:storm_id>/drop/", storms.drop, name="storm_drop"),
    path("triggers/", views.trigger_list, name="triggers"),
    path("triggers/new/", building.trigger_new, name="trigger_new"),
    path("triggers/try/", building.trigger_try, name="trigger_try"),
    path("triggers/<uuid:trigger_id>/", views.trigger_page, name="trigger"),
    path("triggers/<uuid:trigger_id>/edit/", building.trigger_edit_page, name="trigger_edit"),
    path("triggers/<uuid:trigger_id>/switch/", building.trigger_toggle, name="trigger_switch"),
    path("triggers/<uuid:trigger_id>/restore/", building.trigger_back, name="trigger_restore"),
]
