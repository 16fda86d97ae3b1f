from django.urls import path

from hub.outbound.exports import views as exports

app_name = "outbound"
urlpatterns = [
    path("exports/", exports.export_list, name="exports"),
    path("exports/start/", exports.start, name="export_start"),
    path("exports/<uuid:export_id>/cancel/", exports.cancel, name="export_cancel"),
    path("exports/<uuid:export_id>/file/", exports.take, name="export_file"),
]
