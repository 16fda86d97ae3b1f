"""The Celery application. Workers drain; what is due, and when, is in PostgreSQL."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from celery import Celery
from kombu import Queue

# `access` carries sign-in mail alone: somebody is waiting for it. `outbound` calls other companies' servers.
QUEUES = ("access", "ingest", "evaluate", "journeys", "send", "outbound", "bulk", "maintenance")

app = Celery("tandem")
# "Current" is per thread in Celery: without a default, the threads of the web process would look for AMQP.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
# Separate queues, so that bulk work never stands in the way of sends.
app.conf.task_queues = [Queue(name) for name in QUEUES]
app.autodiscover_tasks()
