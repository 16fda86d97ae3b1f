from django.urls import path

from advocacy import views

app_name = "advocacy"
urlpatterns = [
    path("advocacy/", views.roster, name="roster"),
    path("advocacy/<uuid:candidate_id>/decide/", views.decide, name="decide"),
]
