"""Who answers, to whom, what they serve and what it costs.

    Provider ──< Model          a model that a provider serves, with what an operator knows better than the catalogue
        ├─────< ModelAlias      another name for one of its models, or for its default model
        ├─────< Distribution    somebody whom an organization's provider was handed to
        ├─────< Fallback        who is asked next when it fails before its first token
        ├─────< Preference      somebody whose default it is
        └─────< Agent           a name, a system prompt and settings in front of it
    ModelPrice                  the catalogue: what a vendor asks for a model, and how long its context is
    CatalogueVersion, SeedState bookkeeping: see `registry.py` and `seed.py`

A provider finds its prices by `price_vendor` and a model's name, not by a key: the catalogue is replaced as a whole when its
package is updated, and knows thousands of models that nobody here serves.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """How a provider is spoken to: `registry.ADAPTERS`."""

    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic"
    OLLAMA = "ollama", "Ollama"
    FASTGPT = "fastgpt", "FastGPT"
    DIFY = "dify", "Dify"
    COZE = "coze", "Coze"
    CUSTOM = "custom", _("custom (OpenAI-compatible)")
    LOCAL = "local", _("local model")


class Scope(models.TextChoices):
    ORGANIZATION = "organization", _("organization")
    PERSONAL = "personal", _("personal")


class ManagedBy(models.TextChoices):
    HAND = "hand", _("by hand")
    ENVIRONMENT = "environment", _("by environment variables")
    FILE = "file", _("by providers.toml")


class Provider(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.CUSTOM)
    base_url = models.CharField(
        _("base URL"), max_length=500, blank=True, help_text=_("Up to and without /chat/completions. Empty for the local model.")
    )
    config = models.JSONField(
        _("settings"), default=dict, blank=True, help_text=_('Such as {"temperature": 0.7, "max_tokens": 2000}. Never a secret.')
    )
    """What `config.py` allows its kind, but for the model, which is `default_model`: `config.shown` puts the two together."""
    sealed_key = models.TextField(editable=False, blank=True, default="")
    key_last4 = models.CharField(_("key ends with"), max_length=4, editable=False, blank=True, default="")
    default_model = models.CharField(
        _("default model"),
        max_length=200,
        blank=True,
        help_text=_("The vendor's own name. Empty for the local model, and for vendors whose key names an app or a bot."),
    )
    scope = models.CharField(_("scope"), max_length=20, choices=Scope, default=Scope.ORGANIZATION)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="providers",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("made by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    """Null: the environment, the file, or somebody who is gone."""
    is_active = models.BooleanField(_("active"), default=True)
    is_default = models.BooleanField(
        _("for everyone"), default=False, help_text=_("Everyone may use it, without having been given it.")
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=100, help_text=_("The lowest answers when no model was asked for.")
    )
    price_vendor = models.CharField(
        _("price list"), max_length=50, blank=True, help_text=_("Whose prices of the catalogue apply. Empty: unknown.")
    )
    managed_by = models.CharField(_("managed"), max_length=20, choices=ManagedBy, default=ManagedBy.HAND, editable=False)
    key = models.CharField(_("name in providers.toml"), max_length=100, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("provider")
        verbose_name_plural = _("providers")
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                name="provider_personal_has_owner",
                condition=Q(scope=Scope.PERSONAL, owner__isnull=False, is_default=False)
                | Q(scope=Scope.ORGANIZATION, owner__isnull=True),
                violation_error_message=_("A personal provider has an owner and is for nobody else; an organization's has none."),
            ),
            models.UniqueConstraint(
                name="provider_one_of_a_name_from_environment", fields=("name",), condition=Q(managed_by=ManagedBy.ENVIRONMENT)
            ),
            models.CheckConstraint(
                name="provider_has_a_key_of_the_file_or_none",
                condition=(Q(managed_by=ManagedBy.FILE) & ~Q(key="")) | (~Q(managed_by=ManagedBy.FILE) & Q(key="")),
            ),
            models.UniqueConstraint(name="provider_once_in_the_file", fields=("key",), condition=~Q(key="")),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def has_key(self) -> bool:
        return bool(self.sealed_key)

    @property
    def key_binding(self) -> str:
        """What the sealed key is bound to: copied into another row it does not open."""
        return f"providers.Provider:{self.uuid}"


class Distribution(models.Model):
    """An organization's provider in somebody's hands. Taken back, the row stays and says who had it."""

    provider = models.ForeignKey(
        Provider, verbose_name=_("provider"), on_delete=models.CASCADE, related_name="distributions", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="distributions"
    )
    distributed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("handed out by"),
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    distributed_at = models.DateTimeField(_("handed out"), default=timezone.now, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("distribution")
        verbose_name_plural = _("distributions")
        ordering = ("provider", "user")
        constraints = (models.UniqueConstraint(name="provider_once_to_a_user", fields=("provider", "user")),)

    def __str__(self) -> str:
        return f"{self.provider_id} → {self.user_id}"


class Fallback(models.Model):
    """Who is asked next, when `provider` fails before its first token. The lowest position first."""

    provider = models.ForeignKey(
        Provider, verbose_name=_("provider"), on_delete=models.CASCADE, related_name="fallbacks", db_index=False
    )
    fallback = models.ForeignKey(Provider, verbose_name=_("fallback"), on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("fallback")
        verbose_name_plural = _("fallbacks")
        ordering = ("provider", "position", "id")
        constraints = (
            models.UniqueConstraint(name="fallback_once_for_a_provider", fields=("provider", "fallback")),
            models.CheckConstraint(
                name="fallback_is_another_provider",
                condition=~Q(provider=F("fallback")),
                violation_error_message=_("A provider is no fallback of itself."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider_id} → {self.fallback_id}"


class Preference(models.Model):
    """Whom somebody asks when neither the message nor the conversation says whom."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="provider_preference"
    )
    provider = models.ForeignKey(Provider, verbose_name=_("provider"), on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("default provider")
        verbose_name_plural = _("default providers")

    def __str__(self) -> str:
        return f"{self.user_id} → {self.provider_id}"


class Agent(models.Model):
    """A face in front of a provider: a system prompt and settings under a name of its own."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        INACTIVE = "inactive", _("inactive")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(_("name in providers.toml"), max_length=100, blank=True, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=2_000)
    category = models.CharField(_("category"), max_length=100, blank=True)
    provider = models.ForeignKey(
        Provider,
        verbose_name=_("provider"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="agents",
        help_text=_("Empty: whoever answers the person who asks."),
    )
    avatar = models.CharField(_("avatar"), max_length=500, blank=True, help_text=_("The address of a picture."))
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVE)
    capabilities = models.JSONField(_("capabilities"), default=list, blank=True, help_text=_('Such as ["text_generation"].'))
    config = models.JSONField(
        _("settings"),
        default=dict,
        blank=True,
        help_text=_('Such as {"model": "gpt-4o", "temperature": 0.7, "max_tokens": 2000}.'),
    )
    system_prompt = models.TextField(_("system prompt"), blank=True, max_length=20_000)
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    managed_by = models.CharField(_("managed"), max_length=20, choices=ManagedBy, default=ManagedBy.HAND, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                name="agent_has_a_key_of_the_file_or_none",
                condition=(Q(managed_by=ManagedBy.FILE) & ~Q(key="")) | (~Q(managed_by=ManagedBy.FILE) & Q(key="")),
            ),
            models.UniqueConstraint(name="agent_once_in_the_file", fields=("key",), condition=~Q(key="")),
        )

    def __str__(self) -> str:
        return self.name


class Model(models.Model):
    provider = models.ForeignKey(Provider, verbose_name=_("provider"), on_delete=models.CASCADE, related_name="models")
    name = models.CharField(_("name"), max_length=200, help_text=_("As the vendor calls it."))
    display_name = models.CharField(_("display name"), max_length=200, blank=True)
    description = models.TextField(_("description"), blank=True)
    context_window = models.PositiveIntegerField(
        _("context window"),
        null=True,
        blank=True,
        validators=[MinValueValidator(256)],
        help_text=_("Tokens. Empty: as the catalogue says."),
    )
    max_output = models.PositiveIntegerField(
        _("longest answer"),
        null=True,
        blank=True,
        validators=[MinValueValidator(16)],
        help_text=_("Tokens. Empty: as the catalogue says."),
    )
    capabilities = models.JSONField(
        _("capabilities"), default=list, blank=True, help_text=_('Such as ["text", "code", "reasoning"].')
    )
    is_active = models.BooleanField(_("active"), default=True)
    managed_by = models.CharField(
        _("managed"), max_length=20, choices=ManagedBy, default=ManagedBy.HAND, db_default=ManagedBy.HAND, editable=False
    )

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ("provider", "name")
        constraints = (models.UniqueConstraint(name="model_once_for_a_provider", fields=("provider", "name")),)

    def __str__(self) -> str:
        return self.name


class ModelAlias(models.Model):
    alias = models.CharField(_("alias"), max_length=200, unique=True)
    provider = models.ForeignKey(Provider, verbose_name=_("provider"), on_delete=models.CASCADE, related_name="aliases")
    model = models.CharField(_("model"), max_length=200, blank=True, help_text=_("Empty: the provider's default model."))
    is_active = models.BooleanField(_("active"), default=True)
    is_seeded = models.BooleanField(
        _("follows the environment"),
        default=False,
        help_text=_("The start may point it to another provider. Switched off by an edit."),
    )

    class Meta:
        verbose_name = _("model alias")
        verbose_name_plural = _("model aliases")
        ordering = ("alias",)

    def __str__(self) -> str:
        return self.alias


class PriceSource(models.TextChoices):
    CATALOGUE = "genai-prices", "genai-prices"
    OPERATOR = "operator", _("operator")


class ModelPrice(models.Model):
    """Prices are integer micro-USD for a million tokens: 150000 is $0.15 for a million."""

    vendor = models.CharField(
        _("vendor"), max_length=50, blank=True, help_text=_("A provider's price list. Empty, for an operator's price: any.")
    )
    name = models.CharField(_("model"), max_length=200)
    pattern = models.CharField(
        _("pattern"),
        max_length=2000,
        blank=True,
        help_text=_("A regular expression for the names it applies to. Empty: the name alone."),
    )
    display_name = models.CharField(_("display name"), max_length=200, blank=True)
    description = models.TextField(_("description"), blank=True)
    context_window = models.PositiveIntegerField(_("context window"), null=True, blank=True)
    input_micros_per_million = models.PositiveBigIntegerField(_("input, micro-USD per million tokens"))
    output_micros_per_million = models.PositiveBigIntegerField(_("output, micro-USD per million tokens"))
    cached_input_micros_per_million = models.PositiveBigIntegerField(
        _("cached input, micro-USD per million tokens"), null=True, blank=True
    )
    as_of = models.DateField(_("as of"))
    source = models.CharField(_("source"), max_length=20, choices=PriceSource, default=PriceSource.OPERATOR, editable=False)
    position = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("model price")
        verbose_name_plural = _("model prices")
        ordering = ("vendor", "position", "name")
        constraints = (models.UniqueConstraint(name="model_price_once_for_a_source", fields=("source", "vendor", "name")),)

    def __str__(self) -> str:
        return f"{self.vendor}/{self.name}" if self.vendor else self.name


class CatalogueVersion(models.Model):
    """One row, stamped anew by triggers whenever a row of this file's other tables changes: `registry.py` keeps what it read
    until the stamp is another. A random stamp, not a number: a number that was rolled back comes again with other content."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    stamp = models.UUIDField()
    """Of everything."""
    shared_stamp = models.UUIDField(db_default=RandomUUID())
    """Of what is the same for everybody: what people change of their own (personal providers, default providers) and what is
    handed to them leaves it, so that prices and models are not read again for it."""

    class Meta:
        constraints = (models.CheckConstraint(name="catalogue_version_is_one_row", condition=Q(id=1)),)

    def __str__(self) -> str:
        return str(self.stamp)


class SeedState(models.Model):
    """What was seeded last, so that a start that would change nothing looks at one row and no more."""

    name = models.CharField(primary_key=True, max_length=20)
    fingerprint = models.CharField(max_length=100)
    valid_until = models.DateField(null=True)
    """From this day on it is to be done again."""

    def __str__(self) -> str:
        return self.name
