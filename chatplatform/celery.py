"""The Celery application: `celery -A chatplatform worker` and `celery -A chatplatform beat`."""

import os

from celery import Celery
from celery.signals import setup_logging, task_success, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep

from chatplatform.core.deafness import listen
from chatplatform.core.jobs import count_completed, keep_pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")

app = Celery("chatplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """A receiver is all that Celery needs to leave the logging of settings.py alone."""


@worker_ready.connect
def begin_to_work(**_: object) -> None:
    listen(app)
    keep_pulse(app)


@task_success.connect
def count_what_is_done(**_: object) -> None:
    count_completed()
