from django.urls import path

from hub.outbox import views

app_name = "outbox"
urlpatterns = [
    path("t/<slug:tenant>/journeys/outbox/", views.message_list, name="list"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/", views.message_page, name="message"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/body/", views.message_body, name="body"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/settle/", views.message_settle, name="settle"),
    path("u/<str:token>/", views.unsubscribe_page, name="unsubscribe"),
]
