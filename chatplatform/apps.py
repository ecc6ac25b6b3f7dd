from django.apps import AppConfig


class ChatplatformConfig(AppConfig):
    name = "chatplatform"

    def ready(self) -> None:
        from chatplatform import (
            celery,  # noqa: F401  (makes ours the current app, so that tasks can be sent from anywhere)
            checks,  # noqa: F401  (registers the system checks)
        )
