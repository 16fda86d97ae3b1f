from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "hub.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"
