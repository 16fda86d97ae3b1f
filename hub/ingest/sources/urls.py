from django.urls import path

from hub.ingest.connectors import views as hooks
from hub.ingest.pulling import views as reading
from hub.ingest.sources import views
from hub.ingest.writing import views as writing

app_name = "sources"
urlpatterns = [
    path("", views.keys, name="keys"),
    path("keys/new/", views.key_new, name="key_new"),
    path("keys/<uuid:credential_id>/revoke/", views.key_revoke, name="key_revoke"),
    path("live/", views.live, name="live"),
    path("events/", views.shapes, name="shapes"),
    path("refused/", views.refused, name="refused"),
    path("refused/download/", views.refused_download, name="refused_download"),
    path("connections/", hooks.endpoint_list, name="connections"),
    path("connections/new/", hooks.endpoint_new, name="connection_new"),
    path("connections/<uuid:hook_endpoint_id>/", hooks.endpoint_page, name="connection"),
    path("connections/<uuid:hook_endpoint_id>/change/", hooks.endpoint_change, name="connection_change"),
    path("connections/<uuid:hook_endpoint_id>/renew/", hooks.endpoint_renew, name="connection_renew"),
    path("connections/<uuid:hook_endpoint_id>/revoke/", hooks.endpoint_revoke, name="connection_revoke"),
    path("connections/<uuid:hook_endpoint_id>/reading/", reading.access_give, name="reading"),
    path("connections/<uuid:hook_endpoint_id>/reading/now/", reading.access_now, name="reading_now"),
    path("connections/<uuid:hook_endpoint_id>/reading/stop/", reading.access_take, name="reading_stop"),
    path("connections/<uuid:hook_endpoint_id>/writing/", writing.writing_page, name="writing"),
    path("connections/<uuid:hook_endpoint_id>/writing/change/", writing.writing_set, name="writing_change"),
    path("connections/<uuid:hook_endpoint_id>/writing/now/", writing.writing_now, name="writing_now"),
    path("connections/<uuid:hook_endpoint_id>/writing/try/", writing.trial_ask, name="writing_try"),
    path("writes/<uuid:write_call_id>/", writing.call_page, name="write"),
    path("calls/<uuid:hook_delivery_id>/", hooks.call_page, name="call"),
    path("calls/<uuid:hook_delivery_id>/again/", hooks.call_again, name="call_again"),
    path("unmatched/", hooks.strangers, name="unmatched"),
    path("unmatched/<uuid:source_object_id>/match/", hooks.stranger_match, name="match"),
]
