from django.urls import path

from metrics import theme_views, views

app_name = "metrics"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("accounts/", views.accounts, name="accounts"),
    path("contradictions/", views.contradictions, name="contradictions"),
    path("themes/", theme_views.themes, name="themes"),
    path("themes/texts/", theme_views.texts, name="texts"),
]
