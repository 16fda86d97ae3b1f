from django.urls import path

from hub.outbound.exports import views as exports
from hub.outbound.webhooks import views as webhooks

app_name = "outbound"
urlpatterns = [
    path("exports/", exports.export_list, name="exports"),
    path("exports/start/", exports.start, name="export_start"),
    path("exports/<uuid:export_id>/cancel/", exports.cancel, name="export_cancel"),
    path("exports/<uuid:export_id>/file/", exports.take, name="export_file"),
    path("webhooks/", webhooks.endpoint_list, name="webhooks"),
    path("webhooks/new/", webhooks.endpoint_new, name="webhook_new"),
    path("webhooks/<uuid:endpoint_id>/", webhooks.endpoint_page, name="webhook"),
    path("webhooks/<uuid:endpoint_id>/edit/", webhooks.endpoint_edit, name="webhook_edit"),
    path("webhooks/<uuid:endpoint_id>/rotate/", webhooks.endpoint_rotate, name="webhook_rotate"),
    path("webhooks/<uuid:endpoint_id>/test/", webhooks.endpoint_test, name="webhook_test"),
    path("webhooks/<uuid:endpoint_id>/switch/", webhooks.endpoint_switch, name="webhook_switch"),
    path("webhooks/<uuid:endpoint_id>/remove/", webhooks.endpoint_remove, name="webhook_remove"),
    path("webhooks/deliveries/<uuid:delivery_id>/", webhooks.delivery_page, name="delivery"),
    path("webhooks/deliveries/<uuid:delivery_id>/resend/", webhooks.delivery_resend, name="delivery_resend"),
]
