from django.urls import path

from hub.ingest.sources import views

app_name = "sources"
urlpatterns = [
    path("", views.keys, name="keys"),
    path("keys/new/", views.key_new, name="key_new"),
    path("keys/<uuid:credential_id>/revoke/", views.key_revoke, name="key_revoke"),
    path("live/", views.live, name="live"),
    path("events/", views.shapes, name="shapes"),
    path("refused/", views.refused, name="refused"),
    path("refused/download/", views.refused_download, name="refused_download"),
]
