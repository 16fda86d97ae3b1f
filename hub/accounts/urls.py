"""Pages of the record itself; the list and page of accounts belong to the shell (namespace `accounts`)."""

from django.urls import path

from hub.accounts import provenance_views, views

app_name = "record"
urlpatterns = [
    path("set-up/attributes/", views.attributes, name="attributes"),
    path("set-up/attributes/add/", views.attribute_add, name="attribute_add"),
    path("set-up/attributes/<uuid:attribute_id>/", views.attribute, name="attribute"),
    path("set-up/roll-up/", views.rollup, name="rollup"),
    path("set-up/winning-sources/", provenance_views.winning, name="winning"),
    path("set-up/winning-sources/set/", provenance_views.winning_set, name="winning_set"),
    path(
        "set-up/winning-sources/<uuid:source_rule_id>/remove/", provenance_views.winning_remove, name="winning_remove"
    ),
    path("set-up/winning-sources/withdraw/", provenance_views.withdraw, name="withdraw"),
    path("set-up/conflicts/", provenance_views.conflicts, name="conflicts"),
    path("set-up/conflicts/<uuid:conflict_id>/keep/", provenance_views.conflict_keep, name="conflict_keep"),
    path("set-up/conflicts/<uuid:conflict_id>/let-win/", provenance_views.conflict_let_win, name="conflict_let_win"),
    path("accounts/<uuid:account_id>/fields/", provenance_views.account_fields, name="account_fields"),
    path("accounts/<uuid:account_id>/parent/", views.parent, name="parent"),
    path("accounts/<uuid:account_id>/attributes/", views.account_values, name="account_values"),
    path("people/<uuid:person_id>/", views.person, name="person"),
    path("people/<uuid:person_id>/merge/", views.person_merge, name="person_merge"),
    path("people/<uuid:person_id>/split/", views.person_split, name="person_split"),
    path("people/events/<uuid:person_event_id>/undo/", views.person_undo, name="person_undo"),
    path("contacts/<uuid:contact_id>/", views.contact, name="contact"),
    path("contacts/<uuid:contact_id>/roles/", views.contact_roles, name="contact_roles"),
    path("contacts/<uuid:contact_id>/left/", views.contact_left, name="contact_left"),
    path("contacts/<uuid:contact_id>/returned/", views.contact_returned, name="contact_returned"),
]
