from django.apps import AppConfig


class ConfigApp(AppConfig):
    """The composition root as an app: it carries the commands that start and fill an installation."""

    name = "config"
    label = "config"
