from django.urls import path

from hub.outbox.pages import consent, links, messages

app_name = "outbox"
urlpatterns = [
    path("t/<slug:tenant>/journeys/outbox/", messages.message_list, name="list"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/", messages.message_page, name="message"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/body/", messages.message_body, name="body"),
    path("t/<slug:tenant>/journeys/outbox/<uuid:message_id>/settle/", messages.message_settle, name="settle"),
    path("t/<slug:tenant>/contacts/<uuid:contact_id>/consent/", consent.contact_consent, name="consent"),
    path("t/<slug:tenant>/contacts/<uuid:contact_id>/consent/word/", consent.contact_word, name="consent_word"),
    path("t/<slug:tenant>/set-up/sending/topics/", consent.topics, name="topics"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/", consent.topic, name="topic"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/reset/", consent.topic_back, name="topic_reset"),
    path("u/<str:token>/", links.unsubscribe_page, name="unsubscribe"),
    path("u/<str:token>/preferences/", links.preferences_page, name="preferences"),
]
