from django.urls import path

from hub.feedback import theme_views

app_name = "feedback"
urlpatterns = [
    path("set-up/themes/", theme_views.themes, name="themes"),
    path("set-up/themes/<slug:theme_key>/", theme_views.theme, name="theme"),
    path("set-up/themes/<slug:theme_key>/reset/", theme_views.reset, name="theme_reset"),
]
