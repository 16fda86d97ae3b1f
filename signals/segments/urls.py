from django.urls import path

from signals.segments import views

app_name = "segments"
urlpatterns = [
    path("segments/", views.segments, name="list"),
    path("segments/new/", views.segment_new, name="new"),
    path("segments/try/", views.segment_try, name="try"),
    path("segments/<uuid:segment_id>/", views.segment, name="page"),
    path("segments/<uuid:segment_id>/edit/", views.segment_edit, name="edit"),
    path("segments/<uuid:segment_id>/archive/", views.segment_archive, name="archive"),
]
