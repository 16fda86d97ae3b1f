from django.urls import path

from hub.outbox.pages import consent, content, domain, guards, links, messages

app_name = "outbox"
ONE = "t/<slug:tenant>/set-up/sending/templates/<uuid:template_id>/"
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
    path("t/<slug:tenant>/set-up/sending/domain/", domain.domain, name="domain"),
    path("t/<slug:tenant>/set-up/sending/brand/", content.brand, name="brand"),
    path("t/<slug:tenant>/set-up/sending/brand/change/", content.brand_change, name="brand_change"),
    path("t/<slug:tenant>/set-up/sending/brand/sample/", content.brand_sample, name="brand_sample"),
    path("t/<slug:tenant>/set-up/sending/templates/", content.templates, name="templates"),
    path("t/<slug:tenant>/set-up/sending/templates/new/", content.template_new, name="template_new"),
    path(ONE, content.template, name="template"),
    path(f"{ONE}body/", content.template_body, name="template_body"),
    path(f"{ONE}test/", content.template_test, name="template_test"),
    path(f"{ONE}gone/", content.template_gone, name="template_gone"),
    path("t/<slug:tenant>/set-up/sending/snippets/", content.snippets, name="snippets"),
    path("t/<slug:tenant>/set-up/sending/snippets/set/", content.snippet_set, name="snippet_set"),
    path("t/<slug:tenant>/set-up/sending/snippets/<uuid:snippet_id>/gone/", content.snippet_gone, name="snippet_gone"),
    path("t/<slug:tenant>/set-up/sending/topics/", consent.topics, name="topics"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/", consent.topic, name="topic"),
    path("t/<slug:tenant>/set-up/sending/topics/<slug:topic_key>/reset/", consent.topic_back, name="topic_reset"),
    path("u/logo/<uuid:tenant_id>/<str:digest>/", content.logo, name="logo"),
    path("u/c/<str:token>/", links.click_page, name="click"),
    path("u/<str:token>/", links.unsubscribe_page, name="unsubscribe"),
    path("u/<str:token>/preferences/", links.preferences_page, name="preferences"),
]
