from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "hub.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.accounts import exports, facts, outgoing, panels

        exports.register()
        outgoing.register()
        facts.register()
        panels.register()
