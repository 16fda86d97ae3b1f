from django.urls import path

from journeys import views

app_name = "journeys"
urlpatterns = [
    path("", views.journey_list, name="list"),
    path("why/<uuid:account_id>/", views.why, name="why"),
    path("<uuid:journey_id>/", views.journey_page, name="page"),
    path("<uuid:journey_id>/pause/", views.pause, name="pause"),
    path("<uuid:journey_id>/resume/", views.resume, name="resume"),
    path("<uuid:journey_id>/preview/<slug:node_id>/", views.preview, name="preview"),
    path("<uuid:journey_id>/preview/<slug:node_id>/<uuid:account_id>/", views.preview_body, name="preview_body"),
]
