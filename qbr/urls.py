from django.urls import path

from qbr import views

app_name = "qbr"
urlpatterns = [
    path("qbrs/", views.index, name="list"),
    path("qbrs/generate/", views.generate, name="generate"),
    path("qbrs/<uuid:qbr_id>/", views.edit, name="edit"),
    path("qbrs/<uuid:qbr_id>/share/", views.share, name="share"),
    path("qbrs/blocks/<uuid:block_id>/lines/", views.line_add, name="line_add"),
    path("qbrs/blocks/<uuid:block_id>/answer/", views.answer, name="answer"),
    path("qbrs/lines/<uuid:line_id>/", views.line, name="line"),
    path("qbrs/lines/<uuid:line_id>/remove/", views.line_remove, name="line_remove"),
    path("qbrs/lines/<uuid:line_id>/tag/", views.line_tag, name="line_tag"),
    path("qbrs/lines/<uuid:line_id>/tick/", views.line_tick, name="line_tick"),
]
