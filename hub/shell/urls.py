from django.urls import path

from hub.shell.views import search, today

app_name = "shell"
urlpatterns = [
    path("", today.today, name="today"),
    path("search/", search.search, name="search"),
]
