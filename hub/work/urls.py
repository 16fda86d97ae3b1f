from django.urls import path

from hub.work import views

app_name = "work"
urlpatterns = [
    path("tasks/", views.task_list, name="tasks"),
    path("tasks/<uuid:task_id>/done/", views.task_done, name="task_done"),
    path("tasks/<uuid:task_id>/dismiss/", views.task_dismiss, name="task_dismiss"),
    path("accounts/<uuid:account_id>/tasks/", views.task_add, name="task_add"),
    path("accounts/<uuid:account_id>/notes/", views.note_add, name="note_add"),
]
