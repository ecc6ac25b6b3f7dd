"""Operators see and change everything but a key: that is written, never read."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.backends import origin_of
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput
from providers import services
from providers.addresses import check_base_url
from providers.agents import CLEANERS
from providers.catalogue import vendor_of
from providers.config import ADDRESSES, MODELS, NEED_A_MODEL, check_agent_config, check_config
from providers.models import (
    Agent,
    Distribution,
    Fallback,
    Kind,
    Model,
    ModelAlias,
    ModelPrice,
    Preference,
    PriceSource,
    Provider,
    Scope,
)
from providers.writing import wait_for_other_writers


def _record(request: HttpRequest, action: str, row: Provider | Agent, **details: Any) -> None:
    audit.record(
        action=action,
        actor_id=request.user.pk,
        target=str(row.uuid),
        origin=origin_of(request),
        details={"site": "admin", **details},
    )


_EMPTY: dict[str, Any] = {"capabilities": [], "config": {}}


def _or_empty(value: Any, empty: Any) -> Any:
    """A field of a form that was left empty is None."""
    return empty if value is None else value


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
        fields = ("name", "kind", "base_url", "default_model", "config", "is_active", "is_default", "position", "price_vendor")

    def clean_new_key(self) -> str:
        key = str(self.cleaned_data.get("new_key") or "")
        try:
            services.check_key(key)
        except InvalidInput as error:
            raise forms.ValidationError(error.issue) from None
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind", "")
        try:
            cleaned["config"] = check_config(_or_empty(cleaned.get("config"), {}), kind=kind)
        except InvalidInput as error:
            self.add_error("config", f"{error.field}: {error.issue}")
        if "model" in cleaned.get("config", {}):
            self.add_error("config", _("The model has a field of its own."))
        if kind == Kind.LOCAL:
            return cleaned
        cleaned["default_model"] = cleaned.get("default_model") or MODELS.get(kind, "")
        if kind in NEED_A_MODEL and not cleaned["default_model"]:
            self.add_error("default_model", _("A default model is needed."))
        self._clean_address(cleaned, kind)
        return cleaned

    def _clean_address(self, cleaned: dict[str, Any], kind: str) -> None:
        url = cleaned.get("base_url") or ADDRESSES.get(kind, "")
        if not url:
            self.add_error("base_url", _("A base URL is needed."))
            return
        try:
            cleaned["base_url"] = check_base_url(url, trusted=self.instance.scope == Scope.ORGANIZATION)
        except InvalidInput as error:
            self.add_error("base_url", error.issue)
            return
        cleaned["price_vendor"] = cleaned.get("price_vendor") or vendor_of(cleaned["base_url"])


class ModelInline(admin.TabularInline):
    model = Model
    extra = 0


class FallbackInline(admin.TabularInline):
    model = Fallback
    fk_name = "provider"
    extra = 0
    fields = ("position", "fallback")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "fallback":
            kwargs["queryset"] = Provider.objects.filter(scope=Scope.ORGANIZATION)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class DistributionInline(admin.TabularInline):
    model = Distribution
    extra = 0
    autocomplete_fields = ("user",)
    fields = ("user", "is_active", "distributed_by", "distributed_at")
    readonly_fields = ("distributed_by", "distributed_at")


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    form = ProviderForm
    list_display = (
        "name",
        "kind",
        "scope",
        "owner",
        "base_url",
        "default_model",
        "shows_key",
        "is_active",
        "is_default",
        "position",
    )
    fields = (
        "name",
        "kind",
        "base_url",
        "default_model",
        "config",
        ("new_key", "shows_key"),  # beside each other, so that one sees that a key is stored
        "clear_key",
        "is_active",
        "is_default",
        "position",
        "price_vendor",
        "uuid",
        "scope",
        "owner",
        "created_by",
        "managed_by",
        "key",
        "created_at",
        "updated_at",
    )
    list_filter = ("kind", "is_active", "is_default", "scope", "managed_by")
    list_select_related = ("owner",)
    search_fields = ("name", "base_url", "default_model", "=owner__username")
    readonly_fields = ("uuid", "shows_key", "scope", "owner", "created_by", "managed_by", "key", "created_at", "updated_at")

    @admin.display(description=_("key ends with"))
    def shows_key(self, provider: Provider) -> str:
        return f"…{provider.key_last4}" if provider.has_key else "-"

    def get_inlines(self, request: HttpRequest, obj: Provider | None) -> list[Any]:
        """A personal provider is handed to nobody, and its owner says whom it falls back on."""
        if obj is not None and obj.scope == Scope.PERSONAL:
            return []
        return [ModelInline, FallbackInline, DistributionInline]

    def save_model(self, request: HttpRequest, provider: Provider, form: ProviderForm, change: bool) -> None:
        wait_for_other_writers()
        if change:  # the form was filled from an older row: a key that was cleared since does not come back
            provider.refresh_from_db(fields=["sealed_key", "key_last4"])
        else:
            provider.created_by_id = request.user.pk
        if change and "base_url" in form.changed_data:
            services.forget_key(provider=provider)
        key = form.cleaned_data["new_key"]
        if key or form.cleaned_data["clear_key"]:
            services.set_key(provider=provider, key=key, actor_id=request.user.pk, origin=origin_of(request))
        else:
            super().save_model(request, provider, form, change)
        fields = [name for name in form.changed_data if name not in {"new_key", "clear_key"}]
        _record(request, "provider.changed" if change else "provider.created", provider, fields=fields)

    def save_formset(self, request: HttpRequest, form: ProviderForm, formset: BaseInlineFormSet, change: bool) -> None:
        if formset.model is Distribution:
            for one in formset.forms:
                if one.has_changed():
                    one.instance.distributed_by_id = request.user.pk
        super().save_formset(request, form, formset, change)
        if formset.model is Distribution and formset.has_changed():
            given = [row.user_id for row in (*formset.new_objects, *(row for row, _fields in formset.changed_objects))]
            taken = [row.user_id for row in formset.deleted_objects]
            _record(request, "provider.distributed", form.instance, changed_for=given, taken_from=taken)

    def delete_model(self, request: HttpRequest, provider: Provider) -> None:
        wait_for_other_writers()
        _record(request, "provider.deleted", provider, name=provider.name, scope=provider.scope)
        services.remove(provider)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            self.delete_model(request, provider)


class AgentForm(forms.ModelForm):
    class Meta:
        model = Agent
        fields = (
            "name",
            "description",
            "category",
            "provider",
            "avatar",
            "status",
            "capabilities",
            "config",
            "system_prompt",
            "position",
        )
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for field, clean in {**CLEANERS, "config": check_agent_config}.items():
            if field in cleaned:
                try:
                    cleaned[field] = clean(_or_empty(cleaned[field], _EMPTY.get(field, "")))
                except InvalidInput as error:
                    self.add_error(field, error.issue)
        return cleaned


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin):
    form = AgentForm
    list_display = ("name", "category", "provider", "status", "managed_by", "position")
    list_filter = ("status", "category", "managed_by")
    list_select_related = ("provider",)
    search_fields = ("name", "description", "category")
    fields = (*AgentForm.Meta.fields, "uuid", "managed_by", "key", "created_at", "updated_at")
    readonly_fields = ("uuid", "managed_by", "key", "created_at", "updated_at")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "provider":
            kwargs["queryset"] = Provider.objects.filter(scope=Scope.ORGANIZATION)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, agent: Agent, form: AgentForm, change: bool) -> None:
        wait_for_other_writers()
        super().save_model(request, agent, form, change)
        _record(request, "agent.changed" if change else "agent.created", agent, fields=form.changed_data)

    def delete_model(self, request: HttpRequest, agent: Agent) -> None:
        _record(request, "agent.deleted", agent, name=agent.name)
        super().delete_model(request, agent)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in queryset:
            self.delete_model(request, agent)


@admin.register(Preference)
class PreferenceAdmin(admin.ModelAdmin):
    """Whose default is whose: people choose it themselves (`PUT /providers/default` of LYSS)."""

    list_display = ("user", "provider")
    list_select_related = ("user", "provider")
    search_fields = ("=user__username", "provider__name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Preference | None = None) -> bool:
        return False


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
