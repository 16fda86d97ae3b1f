from django.apps import AppConfig


class QbrConfig(AppConfig):
    name = "qbr"
    label = "qbr"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qbr import exports, outgoing, panels
        from qbr.blocks import load

        exports.register()
        outgoing.register()
        load()
        panels.register()
