from django.apps import AppConfig


class QbrConfig(AppConfig):
    name = "qbr"
    label = "qbr"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qbr import exports, panels
        from qbr.blocks import load

        exports.register()
        load()
        panels.register()
