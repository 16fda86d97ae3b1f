from django.urls import path

from signals.prediction import views

app_name = "prediction"
urlpatterns = [
    path("set-up/prediction/", views.model_list, name="models"),
    path("set-up/prediction/train/", views.start, name="train"),
    path("set-up/prediction/<uuid:model_id>/", views.model_card, name="model"),
    path("set-up/prediction/<uuid:model_id>/cancel/", views.cancel, name="cancel"),
    path("set-up/prediction/<uuid:model_id>/publish/", views.publish, name="publish"),
    path("set-up/prediction/<uuid:model_id>/retire/", views.retire, name="retire"),
]
