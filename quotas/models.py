"""The rows of the ledger. Ids of people, conversations and messages are plain numbers: a usage row outlives what it counted.

`Tier` says how much, `Allowance` how much of it is gone in one period, `Reservation` what a running turn holds, `Usage` what
a finished one took. Only `quotas.ledger` writes the last three; `quotas.selectors.check_books` proves that they agree.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

STANDARD = "standard"
VIP = "vip"
ENTERPRISE = "enterprise"
GUEST = "guest"


class PeriodKind(models.TextChoices):
    DAY = "day", _("day")
    MONTH = "month", _("month")


class ReservationState(models.TextChoices):
    OPEN = "open", _("open")
    SETTLED = "settled", _("settled")
    RELEASED = "released", _("released")


class UsageSource(models.TextChoices):
    PROVIDER = "provider", _("counted by the provider")
    ESTIMATED = "estimated", _("estimated")
    MISSING = "missing", _("missing")


class UsageKind(models.TextChoices):
    TURN = "turn", _("turn")
    TITLE = "title", _("title")
    EMBEDDING = "embedding", _("embedding")


class Tier(models.Model):
    """What a user's `tier` slug allows. A limit of NULL is unlimited, 0 is none."""

    slug = models.SlugField(_("slug"), max_length=50, unique=True, help_text=_("The name that users carry."))
    name = models.CharField(_("name"), max_length=100)
    daily_requests = models.PositiveBigIntegerField(_("requests a day"), null=True, blank=True)
    monthly_requests = models.PositiveBigIntegerField(_("requests a month"), null=True, blank=True)
    daily_tokens = models.PositiveBigIntegerField(_("tokens a day"), null=True, blank=True)
    monthly_tokens = models.PositiveBigIntegerField(_("tokens a month"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Allowance(models.Model):
    """One person's counters in one period. There is no reset: another day is another row."""

    user_id = models.BigIntegerField(_("user id"))
    period = models.CharField(_("period"), max_length=5, choices=PeriodKind.choices)
    key = models.CharField(_("key"), max_length=10, help_text=_("2026-11-21 or 2026-11, in the instance's zone."))
    requests_used = models.PositiveBigIntegerField(_("requests used"), db_default=0)
    requests_reserved = models.PositiveBigIntegerField(_("requests reserved"), db_default=0)
    tokens_used = models.PositiveBigIntegerField(_("tokens used"), db_default=0)
    tokens_reserved = models.PositiveBigIntegerField(_("tokens reserved"), db_default=0)

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="quotas_allowance_user_key")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.key}"


class Reservation(models.Model):
    """What a turn holds until it is settled or released, and in which periods. `turn_id` is the turn's own public UUID."""

    turn_id = models.UUIDField(_("turn"), primary_key=True)
    user_id = models.BigIntegerField(_("user id"))
    day_key = models.CharField(_("day"), max_length=10)
    month_key = models.CharField(_("month"), max_length=7)
    requests = models.PositiveSmallIntegerField(_("requests"))
    prompt_tokens = models.PositiveBigIntegerField(_("prompt tokens"))
    output_tokens = models.PositiveBigIntegerField(_("output tokens"))
    tokens = models.PositiveBigIntegerField(_("tokens"))
    state = models.CharField(_("state"), max_length=8, choices=ReservationState.choices, db_default=ReservationState.OPEN.value)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        constraints = [
            models.CheckConstraint(
                condition=Q(tokens=models.F("prompt_tokens") + models.F("output_tokens")), name="quotas_reservation_sum"
            )
        ]

    def __str__(self) -> str:
        return f"{self.turn_id} {self.state}"


class Usage(models.Model):
    """What one answer took. Written once: the database refuses to change or delete it.

    Prices are micro-USD per million tokens as they were then; NULL is unknown, 0 is free.
    """

    user_id = models.BigIntegerField(_("user id"))
    conversation_id = models.BigIntegerField(_("conversation id"), null=True)
    message_id = models.BigIntegerField(_("message id"), null=True, unique=True)
    turn_id = models.UUIDField(_("turn"))
    kind = models.CharField(_("kind"), max_length=12, choices=UsageKind.choices, db_default=UsageKind.TURN.value)
    provider_id = models.BigIntegerField(_("provider id"), null=True)
    provider_name = models.CharField(_("provider"), max_length=100)
    model_asked = models.CharField(_("model asked for"), max_length=200)
    model_answered = models.CharField(_("model that answered"), max_length=200)
    prompt_tokens = models.PositiveBigIntegerField(_("prompt tokens"), null=True)
    completion_tokens = models.PositiveBigIntegerField(_("completion tokens"), null=True)
    cached_tokens = models.PositiveBigIntegerField(_("cached tokens"), null=True)
    reasoning_tokens = models.PositiveBigIntegerField(_("reasoning tokens"), null=True)
    total_tokens = models.PositiveBigIntegerField(_("total tokens"), null=True)
    charged_tokens = models.PositiveBigIntegerField(_("charged tokens"), help_text=_("What counts against the quota."))
    charged_requests = models.PositiveSmallIntegerField(_("charged requests"))
    source = models.CharField(_("source of the count"), max_length=9, choices=UsageSource.choices)
    input_price = models.PositiveBigIntegerField(_("input price"), null=True)
    output_price = models.PositiveBigIntegerField(_("output price"), null=True)
    cached_input_price = models.PositiveBigIntegerField(_("cached input price"), null=True)
    cost_micros = models.PositiveBigIntegerField(_("cost in micro-USD"), null=True)
    day_key = models.CharField(_("day"), max_length=10)
    month_key = models.CharField(_("month"), max_length=7)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        indexes = [
            models.Index(fields=["user_id", "created_at"], name="quotas_usage_user_time"),
            # Rows come in the order of time, so a block range index finds a span for rollups at nearly no cost of writing.
            BrinIndex(fields=["created_at"], name="quotas_usage_time_brin", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.model_answered} {self.charged_tokens}"
