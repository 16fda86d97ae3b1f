"""Pages of advocacy in the customer's hub."""

from django.urls import path

from advocacy.asks.views import answer, hub_asks
from advocacy.resources.views import hub_resource, hub_resources

app_name = "advocacy_hub"
urlpatterns = [
    path("resources/", hub_resources, name="resources"),
    path("resources/<uuid:resource_id>/", hub_resource, name="resource"),
    path("asks/", hub_asks, name="asks"),
    path("asks/<uuid:ask_id>/answer/", answer, name="answer"),
]
