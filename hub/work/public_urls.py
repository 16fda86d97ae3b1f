from django.urls import path

from hub.work.views import calendar

app_name = "work_public"
urlpatterns = [
    path("calendar/<slug:tenant>/<uuid:feed_id>/<str:signature>/tasks.ics", calendar.feed, name="feed"),
]
