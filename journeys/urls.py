from django.urls import path

from journeys import entry_views, views
from journeys.analytics import views as analytics_views
from journeys.drafts import publish_views, step_views
from journeys.drafts import views as draft_views
from journeys.experiments import views as experiment_views
from journeys.experiments.size_view import size
from journeys.library import views as library_views

app_name = "journeys"
urlpatterns = [
    path("", views.journey_list, name="list"),
    path("why/<uuid:account_id>/", views.why, name="why"),
    path("new/", publish_views.new, name="new"),
    path("library/", library_views.library, name="library"),
    path("library/<slug:ready_key>/", library_views.ready_page, name="ready"),
    path("library/<slug:ready_key>/use/", library_views.use, name="ready_use"),
    path("second-person/", publish_views.second_person, name="second_person"),
    path("latency/", analytics_views.latency, name="latency"),
    path("latency/limit/", analytics_views.limit, name="act_within"),
    path("experiments/", experiment_views.experiment_list, name="experiments"),
    path("experiments/size/", size, name="experiment_size"),
    path("<uuid:journey_id>/experiments/", experiment_views.journey_experiments, name="journey_experiments"),
    path("<uuid:journey_id>/experiments/new/", experiment_views.new, name="experiment_new"),
    path("<uuid:journey_id>/experiments/holdout/", experiment_views.holdout, name="experiment_holdout"),
    path("<uuid:journey_id>/experiments/arms/<slug:node_id>/", experiment_views.arms, name="experiment_arms"),
    path("<uuid:journey_id>/experiments/<uuid:experiment_id>/", experiment_views.experiment_page, name="experiment"),
    path("<uuid:journey_id>/experiments/<uuid:experiment_id>/plan/", experiment_views.change, name="experiment_change"),
    path("<uuid:journey_id>/experiments/<uuid:experiment_id>/act/", experiment_views.act, name="experiment_act"),
    path("<uuid:journey_id>/", views.journey_page, name="page"),
    path("<uuid:journey_id>/figures/", analytics_views.figures, name="figures"),
    path("<uuid:journey_id>/build/", draft_views.build, name="build"),
    path("<uuid:journey_id>/build/act/", draft_views.act, name="act"),
    path("<uuid:journey_id>/build/add/", draft_views.add, name="add"),
    path("<uuid:journey_id>/build/begins/", step_views.entry, name="entry"),
    path("<uuid:journey_id>/build/leaves/", step_views.leave_rule, name="leave_rule"),
    path("<uuid:journey_id>/build/step/<slug:node_id>/", step_views.step, name="step"),
    path("<uuid:journey_id>/test/", draft_views.test, name="test"),
    path("<uuid:journey_id>/settings/", publish_views.settings, name="settings"),
    path("<uuid:journey_id>/publish/", publish_views.publish, name="publish"),
    path("<uuid:journey_id>/publish/decide/", publish_views.decide, name="decide"),
    path("<uuid:journey_id>/restore/", publish_views.restore, name="restore"),
    path("<uuid:journey_id>/archive/", publish_views.archive, name="archive"),
    path("enter/", entry_views.choose, name="choose"),
    path("enter/many/", entry_views.enter_many, name="enter_many"),
    path("enter/<uuid:account_id>/", entry_views.enter, name="enter"),
    path("enrollments/<uuid:enrollment_id>/remove/", entry_views.remove, name="remove"),
    path("<uuid:journey_id>/intake/", entry_views.intake, name="intake"),
    path("<uuid:journey_id>/pause/", views.pause, name="pause"),
    path("<uuid:journey_id>/resume/", views.resume, name="resume"),
    path("<uuid:journey_id>/preview/<slug:node_id>/", views.preview, name="preview"),
    path("<uuid:journey_id>/preview/<slug:node_id>/<uuid:account_id>/", views.preview_body, name="preview_body"),
]
