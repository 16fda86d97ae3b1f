from django.urls import path

from hub.ingest.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.run_list, name="list"),
    path("new/", views.run_new, name="new"),
    path("mappings/", views.mapping_list, name="mappings"),
    path("mappings/<uuid:mapping_id>/", views.mapping_page, name="mapping"),
    path("mappings/<uuid:mapping_id>/download/", views.mapping_download, name="mapping_download"),
    path("mappings/<uuid:mapping_id>/forget/", views.mapping_remove, name="mapping_forget"),
    path("<uuid:run_id>/", views.run_page, name="run"),
    path("<uuid:run_id>/settings/", views.run_settings, name="settings"),
    path("<uuid:run_id>/files/<int:position>/", views.file_page, name="file"),
    path("<uuid:run_id>/yaml/", views.run_yaml, name="yaml"),
    path("<uuid:run_id>/check/", views.check, name="check"),
    path("<uuid:run_id>/start/", views.start, name="start"),
    path("<uuid:run_id>/cancel/", views.cancel, name="cancel"),
    path("<uuid:run_id>/undo/", views.undo, name="undo"),
    path("<uuid:run_id>/left/download/", views.kept_download, name="kept_download"),
    path("<uuid:run_id>/keep/", views.keep, name="keep"),
    path("<uuid:run_id>/quarantine/", views.quarantine, name="quarantine"),
    path("<uuid:run_id>/quarantine/download/", views.quarantine_download, name="quarantine_download"),
    path("<uuid:run_id>/quarantine/mend/", views.mend, name="mend"),
]
