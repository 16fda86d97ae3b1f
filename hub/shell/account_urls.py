"""Accounts: a namespace of its own, so that the apps below can link to them by name."""

from django.urls import path

from hub.shell.views import account_filter, accounts

app_name = "accounts"
urlpatterns = [
    path("", accounts.account_list, name="list"),
    path("filter/", account_filter.account_filter, name="filter"),
    path("filter/row/", account_filter.filter_row, name="filter_row"),
    path("columns/", account_filter.account_columns, name="columns"),
    path("<uuid:account_id>/", accounts.account_page, name="page"),
]
