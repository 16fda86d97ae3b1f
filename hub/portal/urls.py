from django.urls import path

from hub.portal import views

app_name = "portal"
urlpatterns = [
    path("hub/<slug:tenant>/", views.home, name="home"),
    path("hub/<slug:tenant>/sign-in/", views.sign_in, name="sign_in"),
    path("hub/<slug:tenant>/sign-in/code/", views.sign_in_code, name="sign_in_code"),
    path("hub/<slug:tenant>/enter/<str:token>/", views.enter, name="enter"),
    path("hub/<slug:tenant>/choose/", views.choose, name="choose"),
    path("hub/<slug:tenant>/sign-out/", views.sign_out, name="sign_out"),
    path("hub/<slug:tenant>/plan/", views.plan, name="plan"),
    path("hub/<slug:tenant>/plan/<uuid:milestone_id>/done/", views.milestone_done, name="milestone_done"),
    path("hub/<slug:tenant>/preferences/", views.preferences, name="preferences"),
    path("t/<slug:tenant>/contacts/<uuid:contact_id>/view-as/", views.view_as, name="view_as"),
]
