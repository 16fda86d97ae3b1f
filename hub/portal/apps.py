from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "hub.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.portal.mailing import backlog, drain
        from hub.portal.services import SIGN_IN
        from hub.tenancy.wake import register_queue

        register_queue(SIGN_IN, drain=drain, backlog=backlog, lane="access")
