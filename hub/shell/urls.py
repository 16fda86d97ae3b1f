from django.urls import path

from hub.shell.views import help_page, saved_views, search, setup, today

app_name = "shell"
urlpatterns = [
    path("", today.today, name="today"),
    path("set-up/guide/", setup.guide, name="setup"),
    path("search/", search.search, name="search"),
    path("help/", help_page.help_page, name="help"),
    path("views/", saved_views.view_list, name="views"),
    path("views/new/", saved_views.view_new, name="view_new"),
    path("views/<uuid:view_id>/", saved_views.view_page, name="view"),
    path("views/<uuid:view_id>/keep/", saved_views.view_keep, name="view_keep"),
    path("views/<uuid:view_id>/forget/", saved_views.view_forget, name="view_forget"),
]
