from django.urls import path

from signals.readiness import views

app_name = "readiness"
urlpatterns = [
    path("expansion/", views.expansion, name="list"),
    path("expansion/figures/", views.figures, name="figures"),
]
