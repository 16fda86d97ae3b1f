from django.urls import path

from hub.shell import views

app_name = "shell"
urlpatterns = [
    path("", views.today, name="today"),
]
