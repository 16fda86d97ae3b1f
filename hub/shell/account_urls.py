"""Accounts: a namespace of its own, so that the apps below can link to them by name."""

from django.urls import path

from hub.shell.views import accounts

app_name = "accounts"
urlpatterns = [
    path("", accounts.account_list, name="list"),
    path("<uuid:account_id>/", accounts.account_page, name="page"),
]
