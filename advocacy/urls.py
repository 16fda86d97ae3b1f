from django.urls import path

from advocacy import views
from advocacy.asks.views import asks
from advocacy.resources.views import archive, resource_new, resources

app_name = "advocacy"
urlpatterns = [
    path("advocacy/", views.roster, name="roster"),
    path("advocacy/asks/", asks, name="asks"),
    path("advocacy/resources/", resources, name="resources"),
    path("advocacy/resources/new/", resource_new, name="resource_new"),
    path("advocacy/resources/<uuid:resource_id>/archive/", archive, name="resource_archive"),
    path("advocacy/<uuid:candidate_id>/decide/", views.decide, name="decide"),
]
