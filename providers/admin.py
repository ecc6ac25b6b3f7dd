"""Operators see and change everything but a key: that is written, never read."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chatplatform.core.errors import InvalidInput
from providers import seed, services
from providers.models import Kind, Model, ModelAlias, ModelPrice, PriceSource, Provider


class ProviderForm(forms.ModelForm):
    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        strip=True,
        # `render_value` off: what was typed does not come back, not even with an error beside it.
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted, never shown again. Empty: unchanged. A new base URL needs the key again."),
    )
    clear_key = forms.BooleanField(label=_("Remove the API key"), required=False)

    class Meta:
        model = Provider
        fields = ("name", "kind", "base_url", "default_model", "is_active", "is_default", "position", "price_vendor")

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data.get("base_url") or "").strip().rstrip("/")
        if url and not url.startswith(("https://", "http://")):
            raise forms.ValidationError(_("A base URL begins with https:// or http://."))
        return url

    def clean_new_key(self) -> str:
        key = str(self.cleaned_data.get("new_key") or "")
        try:
            services.check_key(key)
        except InvalidInput as error:
            raise forms.ValidationError(error.issue) from None
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        local = cleaned.get("kind") == Kind.LOCAL
        if not local and "base_url" in cleaned and not cleaned["base_url"]:
            self.add_error("base_url", _("A base URL is needed."))
        if not local and not cleaned.get("default_model"):
            self.add_error("default_model", _("A default model is needed."))
        if not local and not cleaned.get("price_vendor") and cleaned.get("base_url"):
            cleaned["price_vendor"] = seed.vendor_of(cleaned["base_url"])
        return cleaned


class ModelInline(admin.TabularInline):
    model = Model
    extra = 0


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    form = ProviderForm
    inlines = (ModelInline,)
    list_display = ("name", "kind", "base_url", "default_model", "shows_key", "is_active", "is_default", "position")
    fields = (
        "name",
        "kind",
        "base_url",
        "default_model",
        ("new_key", "shows_key"),  # beside each other, so that one sees that a key is stored
        "clear_key",
        "is_active",
        "is_default",
        "position",
        "price_vendor",
        "uuid",
        "scope",
        "owner",
        "managed_by",
        "created_at",
        "updated_at",
    )
    list_filter = ("kind", "is_active", "is_default", "scope")
    search_fields = ("name", "base_url", "default_model")
    readonly_fields = ("uuid", "shows_key", "scope", "owner", "managed_by", "created_at", "updated_at")

    @admin.display(description=_("key ends with"))
    def shows_key(self, provider: Provider) -> str:
        return f"…{provider.key_last4}" if provider.has_key else "-"

    def save_model(self, request: HttpRequest, provider: Provider, form: ProviderForm, change: bool) -> None:
        if change and "base_url" in form.changed_data:
            services.forget_key(provider=provider)
        user = request.user
        actor_id = user.pk if isinstance(user, AbstractBaseUser) else None
        key = form.cleaned_data["new_key"]
        if key or form.cleaned_data["clear_key"]:
            services.set_key(provider=provider, key=key, actor_id=actor_id)
        else:
            super().save_model(request, provider, form, change)


@admin.register(ModelAlias)
class ModelAliasAdmin(admin.ModelAdmin):
    list_display = ("alias", "provider", "model", "is_active", "is_seeded")
    list_select_related = ("provider",)
    exclude = ("is_seeded",)

    def save_model(self, request: HttpRequest, alias: ModelAlias, form: forms.ModelForm, change: bool) -> None:
        alias.is_seeded = False  # from now on it is the operator's
        super().save_model(request, alias, form, change)


@admin.register(ModelPrice)
class ModelPriceAdmin(admin.ModelAdmin):
    """The catalogue's rows are read only, since the next update replaces them; an operator's row beside one overrides it."""

    list_display = (
        "name",
        "vendor",
        "input_micros_per_million",
        "output_micros_per_million",
        "context_window",
        "as_of",
        "source",
    )
    list_filter = ("source", "vendor")
    search_fields = ("name", "display_name")

    def has_change_permission(self, request: HttpRequest, obj: ModelPrice | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.source == PriceSource.OPERATOR)

    def has_delete_permission(self, request: HttpRequest, obj: ModelPrice | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.source == PriceSource.OPERATOR)
