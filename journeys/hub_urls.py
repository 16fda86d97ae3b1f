"""Pages of journeys in the customer's hub."""

from django.urls import path

from journeys.surveys.views import survey

app_name = "journeys_hub"
urlpatterns = [path("survey/<str:token>/", survey, name="survey")]
