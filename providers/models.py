"""Who answers, what they serve and what it costs.

    Provider ──< Model          a model that a provider serves, with what an operator knows better than the catalogue
        └─────< ModelAlias      another name for one of its models, or for its default model
    ModelPrice                  the catalogue: what a vendor asks for a model, and how long its context is
    CatalogueVersion, SeedState bookkeeping: see `registry.py` and `seed.py`

A provider finds its prices by `price_vendor` and a model's name, not by a key: the catalogue is replaced as a whole when its
package is updated, and knows thousands of models that nobody here serves.
"""

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """How a provider is spoken to: `registry.ADAPTERS`."""

    OPENAI = "openai", "OpenAI"
    CUSTOM = "custom", _("custom (OpenAI-compatible)")
    LOCAL = "local", _("local model")


class Scope(models.TextChoices):
    ORGANIZATION = "organization", _("organization")
    PERSONAL = "personal", _("personal")


class ManagedBy(models.TextChoices):
    HAND = "hand", _("by hand")
    ENVIRONMENT = "environment", _("by environment variables")


class Provider(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.CUSTOM)
    base_url = models.CharField(
        _("base URL"), max_length=500, blank=True, help_text=_("Up to and without /chat/completions. Empty for the local model.")
    )
    sealed_key = models.TextField(editable=False, blank=True, default="")
    key_last4 = models.CharField(_("key ends with"), max_length=4, editable=False, blank=True, default="")
    default_model = models.CharField(
        _("default model"),
        max_length=200,
        blank=True,
        help_text=_("The vendor's own name. Empty for the local model: the one that runs."),
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
