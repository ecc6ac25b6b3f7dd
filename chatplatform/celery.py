"""The Celery application: `celery -A chatplatform worker` and `celery -A chatplatform beat`."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep

from chatplatform.core.deafness import listen

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")

app = Celery("chatplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """A receiver is all that Celery needs to leave the logging of settings.py alone."""


@worker_ready.connect
def notice_deafness(**_: object) -> None:
    listen(app)
