from django.urls import path

from hub.plans import views

app_name = "plans"
urlpatterns = [
    path("milestones/<uuid:milestone_id>/complete/", views.milestone_complete, name="milestone_complete"),
    path("accounts/<uuid:account_id>/plan/", views.plan_start, name="start"),
]
