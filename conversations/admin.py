"""Conversations as operators see them: who, when, how much; not what was said."""

from django.contrib import admin
from django.http import HttpRequest

from conversations.models import Conversation, Turn


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "user", "model", "message_count", "contract", "updated_at", "deleted_at"]
    list_filter = ["contract", "is_archived", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["uuid", "user__username"]
    fields = ["uuid", "user", "model", "message_count", "contract", "is_archived", "created_at", "updated_at", "deleted_at"]
    show_full_result_count = False


@admin.register(Turn)
class TurnAdmin(ReadOnlyAdmin):
    list_display = [
        "uuid",
        "user",
        "provider_name",
        "model",
        "state",
        "error_code",
        "prompt_tokens",
        "completion_tokens",
        "created_at",
    ]
    list_filter = ["state", "error_code", "provider_name", "created_at"]
    list_select_related = ["user"]
    search_fields = ["uuid", "user__username"]
    exclude = ["text", "marks", "body_hash", "fence", "client_key"]
    show_full_result_count = False
