"""Operators share topics, see what is in work and what has failed, and try that again. Nobody reads documents here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.backends import origin_of
from chatplatform.core import audit
from chatplatform.core.errors import Conflict
from retrieval import services
from retrieval.failures import FAILURES
from retrieval.models import AgentTopic, Document, EmbeddingModel, Topic, TopicReader


def _operator(request: HttpRequest) -> int:
    return int(request.user.pk or 0)  # whoever sees these pages is signed in


class ReaderInline(admin.TabularInline):
    model = TopicReader
    extra = 0
    autocomplete_fields = ("user",)


class AgentInline(admin.TabularInline):
    """The agents that answer from the topic. What providers.toml says of its own agents comes back with the next reload."""

    model = AgentTopic
    extra = 0


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):
    list_display = ("name", "owner", "for_everyone", "documents", "created_at")
    list_filter = ("for_everyone",)
    list_select_related = ("owner",)
    search_fields = ("name", "=owner__username")
    autocomplete_fields = ("owner",)
    fields = ("name", "description", "owner", "for_everyone", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")
    inlines = (ReaderInline, AgentInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return super().get_queryset(request).annotate(document_count=Count("documents"))

    @admin.display(description=_("documents"), ordering="document_count")
    def documents(self, topic: Topic) -> int:
        return int(getattr(topic, "document_count", 0))

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> tuple[str, ...]:
        # Its documents stay their owners': a topic that changed hands would take them along.
        return self.readonly_fields if obj is None else (*self.readonly_fields, "owner")

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        changed = [*form.changed_data, *(formset.prefix for formset in formsets if formset.has_changed())]
        self._record(request, "topic.changed" if change else "topic.created", form.instance, fields=changed)

    def delete_model(self, request: HttpRequest, topic: Topic) -> None:
        self._record(request, "topic.deleted", topic, name=topic.name)
        super().delete_model(request, topic)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Topic]) -> None:
        for topic in queryset:
            self.delete_model(request, topic)

    def _record(self, request: HttpRequest, action: str, topic: Topic, **details: Any) -> None:
        audit.record(
            action=action,
            actor_id=request.user.pk,
            target=f"topic:{topic.pk}",
            origin=origin_of(request),
            details={"site": "admin", **details},
        )


class Work(admin.SimpleListFilter):
    """What an operator looks for first."""

    title = _("work")
    parameter_name = "work"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("in work")), ("failed", _("failed")), ("done", _("ready"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        status = Document.Status
        match self.value():
            case "open":
                return queryset.exclude(status__in=[status.READY, status.FAILED])
            case "failed":
                return queryset.filter(status=status.FAILED)
            case "done":
                return queryset.filter(status=status.READY)
        return queryset


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    list_display = ("original_name", "owner", "topic", "extension", "size", "status", "progress", "reason", "created_at")
    list_filter = (Work, "kind", "failure", "created_at")
    list_select_related = ("owner", "topic")
    search_fields = ("=uuid", "original_name", "title", "=owner__username")
    fields = (
        "uuid",
        "original_name",
        "owner",
        "topic",
        "kind",
        "media_type",
        "size",
        "title",
        "author",
        "written_at",
        "page_count",
        "status",
        "progress",
        "reason",
        "failure_detail",
        "attempts",
        "lease_until",
        "version",
        "created_at",
        "updated_at",
        "ready_at",
    )
    show_full_result_count = False
    ordering = ("-id",)
    actions = ("try_again", "read_again")

    @admin.display(description=_("progress"))
    def progress(self, document: Document) -> str:
        return f"{document.chunks_done} / {document.chunk_count}" if document.chunk_count else "-"

    @admin.display(description=_("reason"))
    def reason(self, document: Document) -> Any:
        return FAILURES.get(document.failure, document.failure) if document.failure else "-"

    @admin.action(description=_("Try again"), permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, services.try_again)

    @admin.action(description=_("Read again"), permissions=["change"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        self._each(request, queryset, services.read_again)

    def _each(self, request: HttpRequest, documents: QuerySet[Document], act: Callable[..., Document]) -> None:
        begun = 0
        for document in documents:
            try:
                act(document_id=document.uuid, actor_id=_operator(request), origin=origin_of(request))
                begun += 1
            except Conflict as error:
                self.message_user(request, f"{document}: {error.message}", messages.WARNING)
        if begun:
            said = ngettext("%(count)d document is waiting now.", "%(count)d documents are waiting now.", begun)
            self.message_user(request, said % {"count": begun}, messages.SUCCESS)

    def get_readonly_fields(self, request: HttpRequest, obj: Document | None = None) -> tuple[str, ...]:
        return self.fields  # nothing is changed by hand

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def delete_model(self, request: HttpRequest, document: Document) -> None:
        services.remove(document_id=document.uuid, actor_id=_operator(request), origin=origin_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        for document in queryset:
            self.delete_model(request, document)


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(admin.ModelAdmin):
    """`manage.py reembed` makes them and puts them into use: that takes a process of its own."""

    list_display = ("name", "kind", "model", "provider", "dimensions", "state", "created_at", "activated_at")
    list_select_related = ("provider",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: EmbeddingModel | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EmbeddingModel | None = None) -> bool:
        return False
