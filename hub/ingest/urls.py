from django.urls import re_path

from hub.ingest import views

app_name = "ingest"
urlpatterns = [
    re_path(r"^v1/projects/(?P<key>[^/]+)/settings/?$", views.project_settings, name="project-settings"),
    re_path(r"^v1/(?P<endpoint>[a-z]+)/?$", views.receive, name="receive"),
    re_path(r"^sourceConfig/?$", views.source_config, name="source-config"),
]
