from django.urls import path

from hub.ingest.connectors import door

app_name = "hooks"
urlpatterns = [
    path("hooks/<slug:tenant>/<slug:source>/<uuid:endpoint_id>", door.receive, name="receive"),
    path("hooks/<slug:tenant>/<slug:source>/<uuid:endpoint_id>/", door.receive, name="receive-slash"),
    path(
        "hooks/<slug:tenant>/<slug:source>/<uuid:endpoint_id>/<str:path_secret>",
        door.receive,
        name="receive-secret",
    ),
]
