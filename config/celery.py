"""The Celery application. Workers drain; what is due, and when, is in PostgreSQL."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from celery import Celery
from celery.signals import task_prerun
from django.db import close_old_connections
from kombu import Queue

# `access` carries sign-in mail alone: somebody is waiting for it. `outbound` calls other companies' servers.
AWAITED = ("access", "ingest", "evaluate", "journeys", "send")
UNHURRIED = ("outbound", "bulk", "maintenance")
QUEUES = (*AWAITED, *UNHURRIED)

app = Celery("tandem")
# "Current" is per thread in Celery: without a default, the threads of the web process would look for AMQP.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
# Separate queues, so that bulk work never stands in the way of sends.
app.conf.task_queues = [Queue(name) for name in QUEUES]
app.autodiscover_tasks()
# A worker keeps its connection: a session that knows the tables plans a large statement ten times as fast.
# Celery closes it after so many tasks, so that what the session has learned does not grow for ever.
app.conf.CELERY_DB_REUSE_MAX = 1_000
task_prerun.connect(lambda **_: close_old_connections(), weak=False)
