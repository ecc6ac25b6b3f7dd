"""What happened, for ever."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """Written by `audit.record` only. The database itself refuses to change or delete a row (see the first migration).

    People and things are plain values, not foreign keys: the event outlives them.
    """

    class Outcome(models.TextChoices):
        OK = "ok", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("time"), db_default=Now(), editable=False)
    action = models.CharField(_("action"), max_length=64)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, default=Outcome.OK)
    actor_id = models.BigIntegerField(_("actor"), null=True, blank=True)
    target = models.CharField(_("target"), max_length=200, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True)
    request_id = models.CharField(_("request id"), max_length=100, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["action", "at"], name="core_audit_action_at"),
            models.Index(fields=["actor_id", "at"], name="core_audit_actor_at"),
            models.Index(fields=["at"], name="core_audit_at"),
        )

    def __str__(self) -> str:
        return f"{self.action} ({self.outcome})"
