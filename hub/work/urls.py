from django.urls import path

from hub.work.views import acts, calendar, figures, playbooks, tasks

app_name = "work"
urlpatterns = [
    path("tasks/", tasks.task_list, name="tasks"),
    path("tasks/act/", acts.act_choose, name="act"),
    path("tasks/act/do/", acts.act_many, name="act_do"),
    path("tasks/figures/", figures.figures_page, name="figures"),
    path("tasks/figures/targets/", figures.targets_change, name="targets"),
    path("tasks/calendar/", calendar.subscription, name="subscription"),
    path("tasks/calendar/change/", calendar.subscription_change, name="subscription_change"),
    path("tasks/playbooks/", playbooks.playbook_list, name="playbooks"),
    path("tasks/playbooks/new/", playbooks.playbook_new, name="playbook_new"),
    path("tasks/playbooks/<uuid:playbook_id>/", playbooks.playbook_page, name="playbook"),
    path("tasks/playbooks/<uuid:playbook_id>/put-away/", playbooks.playbook_put_away, name="playbook_put_away"),
    path("tasks/<uuid:task_id>/", tasks.task_page, name="task"),
    path("tasks/<uuid:task_id>/do/", acts.task_do, name="task_do"),
    path("tasks/<uuid:task_id>/tick/", acts.task_tick_step, name="task_tick"),
    path("tasks/<uuid:task_id>/task.ics", calendar.task_file, name="task_file"),
    path("tasks/<uuid:task_id>/done/", acts.task_done, name="task_done"),
    path("tasks/<uuid:task_id>/dismiss/", acts.task_dismiss, name="task_dismiss"),
    path("accounts/<uuid:account_id>/tasks/", tasks.task_add, name="task_add"),
    path("accounts/<uuid:account_id>/notes/", tasks.note_add, name="note_add"),
]
