"""The QBR's pages in the customer's hub."""

from django.urls import path

from qbr import views

app_name = "qbr_hub"
urlpatterns = [
    path("qbr/", views.read, name="read"),
    path("qbr/<str:quarter>/", views.read, name="quarter"),
    path("qbr/blocks/<uuid:block_id>/comment/", views.comment, name="comment"),
]
