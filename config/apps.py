from importlib import import_module

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """The composition root as an app: it carries the commands that start and fill an installation."""

    name = "config"
    label = "config"

    def ready(self) -> None:
        # Every process that sends a task, the clock and the web among them, must know the broker.
        import_module("config.celery")
