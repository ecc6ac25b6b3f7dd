from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "chatplatform.core"
    label = "core"
