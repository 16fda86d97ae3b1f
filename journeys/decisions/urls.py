from django.urls import path

from journeys.decisions import many_views, play_views, views

app_name = "decisions"
urlpatterns = [
    path("decisions/", views.queue, name="list"),
    path("decisions/act/", many_views.act, name="act"),
    path("decisions/all/", many_views.everything, name="all"),
    path("decisions/veto/", many_views.veto, name="veto"),
    path("decisions/again/", views.day_again, name="again"),
    path("decisions/mail/", views.digest_set, name="digest"),
    path("decisions/message/<uuid:message_id>/", views.message_chain, name="chain"),
    path("decisions/plays/", play_views.play_list, name="plays"),
    path("decisions/plays/new/", play_views.play_new, name="play_new"),
    path("decisions/plays/install/", play_views.plays_install, name="plays_install"),
    path("decisions/plays/<uuid:play_id>/", play_views.play_page, name="play"),
    path("decisions/plays/<uuid:play_id>/edit/", play_views.play_edit, name="play_edit"),
    path("decisions/plays/<uuid:play_id>/switch/", play_views.play_switch, name="play_switch"),
    path("decisions/plays/<uuid:play_id>/archive/", play_views.play_archive, name="play_archive"),
    path("decisions/<uuid:choice_id>/", views.choice_page, name="choice"),
    path("decisions/<uuid:choice_id>/do/", views.choice_do, name="do"),
    path("accounts/<uuid:account_id>/decisions/", views.account_log, name="account"),
]
