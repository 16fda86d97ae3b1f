from django.urls import path

from hub.outbox.pages import consent, guards, links, messages

app_name = "outbox"
urlpatterns = [
    path("t/<slug:tenant>/journeys/outbox/", messages.message_list, name="list"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/", messages.message_page, name="message"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/body/", messages.message_body, name="body"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/settle/", messages.message_settle, name="settle"),
    path("t/<slug:tenant>/contacts/<uuid:contact_id>/consent/", consent.contact_consent, name="consent"),
    path("t/<slug:tenant>/contacts/<uuid:contact_id>/consent/word/", consent.contact_word, name="consent_word"),
    path("t/<slug:tenant>/journeys/guards/", guards.guards, name="guards"),
    path("t/<slug:tenant>/journeys/guards/stop/", guards.stop, name="stop"),
    path("t/<slug:tenant>/journeys/guards/<uuid:stop_id>/", guards.stop_decide, name="stop_decide"),
    path("t/<slug:tenant>/journeys/pressure/", guards.pressure, name="pressure"),
    path("t/<slug:tenant>/accounts/<uuid:account_id>/pressure/", guards.account_pressure, name="account_pressure"),
    path("t/<slug:tenant>/set-up/sending/", guards.rules, name="rules"),
    path("t/<slug:tenant>/set-up/sending/set/", guards.rules_set, name="rules_set"),
    path("t/<slug:tenant>/set-up/sending/topics/", consent.topics, name="topics"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/", consent.topic, name="topic"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/reset/", consent.topic_back, name="topic_reset"),
    path("u/<str:token>/", links.unsubscribe_page, name="unsubscribe"),
    path("u/<str:token>/preferences/", links.preferences_page, name="preferences"),
]
