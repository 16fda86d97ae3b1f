"""Pages of the record itself; the list and page of accounts belong to the shell (namespace `accounts`)."""

from django.urls import path

from hub.accounts import views

app_name = "record"
urlpatterns = [
    path("set-up/attributes/", views.attributes, name="attributes"),
    path("set-up/attributes/add/", views.attribute_add, name="attribute_add"),
    path("set-up/attributes/<uuid:attribute_id>/", views.attribute, name="attribute"),
    path("set-up/roll-up/", views.rollup, name="rollup"),
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
