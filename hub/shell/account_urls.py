"""Accounts: a namespace of its own, so that the apps below can link to them by name."""

from django.urls import path

from hub.shell.views import account_filter, accounts, bulk

app_name = "accounts"
urlpatterns = [
    path("", accounts.account_list, name="list"),
    path("filter/", account_filter.account_filter, name="filter"),
    path("filter/row/", account_filter.filter_row, name="filter_row"),
    path("filter/group/", account_filter.filter_group, name="filter_group"),
    path("columns/", account_filter.account_columns, name="columns"),
    path("bulk/", bulk.bulk_list, name="bulks"),
    path("bulk/new/", bulk.bulk_new, name="bulk_new"),
    path("bulk/start/", bulk.bulk_begin, name="bulk_start"),
    path("bulk/<uuid:bulk_id>/", bulk.bulk_page, name="bulk"),
    path("bulk/<uuid:bulk_id>/cancel/", bulk.bulk_stop, name="bulk_cancel"),
    path("bulk/<uuid:bulk_id>/undo/", bulk.bulk_back, name="bulk_undo"),
    path("<uuid:account_id>/", accounts.account_page, name="page"),
]
