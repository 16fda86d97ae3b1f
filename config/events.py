"""The process of the live updates: `granian --interface asgi config.events:application`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from config.streams import Application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def make() -> Application:
    """Set Django up, then the application: it reads sessions and memberships."""
    django.setup()
    from config.streams import Application

    return Application()


application = make()
