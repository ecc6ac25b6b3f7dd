"""What was said: conversations, their messages as a tree, and the turns that made the answers."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Conversation(models.Model):
    """A thread of messages of one person. A deleted one stays as a tombstone without text, for the ledger."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    title = models.CharField(_("title"), max_length=200, blank=True)
    """Empty until somebody names it or the first message does."""
    model = models.CharField(_("model"), max_length=200, blank=True)
    """The name that was asked for; each message says which model really answered."""
    system_message = models.TextField(_("system message"), blank=True)
    contract = models.CharField(_("contract"), max_length=32)
    """The contract it was created through."""
    provider = models.ForeignKey(
        "providers.Provider", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("provider")
    )
    """Who is asked when a message does not say whom."""
    agent = models.ForeignKey(
        "providers.Agent", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("agent")
    )
    topic = models.ForeignKey(
        "retrieval.Topic", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("topic")
    )
    """Whose documents are read before each answer."""
    description = models.TextField(_("description"), blank=True, db_default="")
    settings = models.JSONField(_("settings"), default=dict, db_default={}, blank=True)
    """How its turns are asked for, where a message does not say: see `conversations/preferences.py`."""
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    """The client's own: kept and given back, never read."""
    is_archived = models.BooleanField(_("archived"), default=False)
    message_count = models.PositiveIntegerField(_("messages"), default=0)
    leaf = models.ForeignKey("Message", models.SET_NULL, null=True, blank=True, related_name="+")
    """The end of the branch that is shown."""
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("last activity"), default=timezone.now)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            models.Index(
                "user",
                models.F("updated_at").desc(),
                models.F("id").desc(),
                include=["is_archived"],  # so that those that are not are counted without a visit to their rows
                condition=Q(deleted_at__isnull=True),
                name="conversation_by_activity",
            ),
            # Those that are kept for so many days only: see `retention.py`.
            models.Index(
                "updated_at", condition=Q(contract="llmchat", deleted_at__isnull=True), name="conversation_kept_for_days"
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.uuid)


class Message(models.Model):
    """One thing said. `parent` is what it answers; siblings are alternatives."""

    class Role(models.TextChoices):
        SYSTEM = "system", _("system")
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        STREAMING = "streaming", _("being written")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages", db_index=False)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="replies")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    content = models.TextField(_("content"), blank=True)
    """Empty while it streams (the text so far is in the turn), and for ever in a deleted conversation."""
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.COMPLETE)
    tokens_used = models.PositiveIntegerField(_("tokens"), default=0)
    content_type = models.CharField(_("content type"), max_length=16, db_default="text")
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    """The client's own: kept and given back, never read."""
    model = models.CharField(_("model"), max_length=200, blank=True)
    """The model that answered."""
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    """A deleted message stays without text, so that the tree keeps its branches and the ledger its names."""

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index("conversation", "id", name="message_in_conversation")]

    def __str__(self) -> str:
        return str(self.uuid)


class VendorThread(models.Model):
    """A conversation as a vendor keeps it, under the vendor's own id of it.

    It can be continued only right after `after`, the newest answer that the vendor knows: on another branch of the tree, or when
    somebody else has answered since, the vendor would remember another conversation than the person sees.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="vendor_threads", db_index=False)
    provider = models.ForeignKey("providers.Provider", models.CASCADE, related_name="+")
    thread = models.CharField(max_length=200)
    after = models.ForeignKey(Message, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("conversation at a vendor")
        verbose_name_plural = _("conversations at vendors")
        constraints = [models.UniqueConstraint(fields=["conversation", "provider"], name="one_thread_a_vendor")]

    def __str__(self) -> str:
        return self.thread


class MessageRevision(models.Model):
    """What a message said before it was edited. Goes with its message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="revisions")
    content = models.TextField(_("content"), blank=True)
    replaced_at = models.DateTimeField(_("replaced"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("message revision")
        verbose_name_plural = _("message revisions")

    def __str__(self) -> str:
        return str(self.pk)


class ConversationDocument(models.Model):
    """A document that is attached to a conversation: it is read before each answer, beside the topic's."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="attachments")
    document = models.ForeignKey("retrieval.Document", models.CASCADE, related_name="+")
    created_at = models.DateTimeField(_("attached"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("attached document")
        verbose_name_plural = _("attached documents")
        constraints = [models.UniqueConstraint(fields=["conversation", "document"], name="one_attachment_a_document")]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.document_id}"


class Reference(models.Model):
    """A passage that an answer was given to read, as it was then. It outlives the document, and says that it is gone.

    The server makes these from what it has retrieved for the person; nothing that a model writes becomes one.
    """

    class Kind(models.TextChoices):
        DIRECT = "direct", _("used in the answer")
        CONTEXT = "context", _("given as context")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="references", db_index=False)
    """The answer."""
    position = models.PositiveSmallIntegerField(_("position"))
    """From 1: its marker in the prompt, and its place in lists."""
    document = models.ForeignKey("retrieval.Document", models.SET_NULL, null=True, blank=True, related_name="+")
    """Null: it was deleted since."""
    document_uuid = models.UUIDField()
    document_version = models.PositiveIntegerField()
    chunk_uuid = models.UUIDField()
    title = models.CharField(_("title"), max_length=500, blank=True)
    author = models.CharField(_("author"), max_length=500, blank=True)
    file_type = models.CharField(_("type"), max_length=8)
    page = models.PositiveIntegerField(_("page"), null=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    """Characters of the document's text: `text[start:end] == excerpt`."""
    excerpt = models.TextField(_("excerpt"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.CONTEXT)
    score = models.FloatField(_("relevance"))
    """0 to 1."""

    class Meta:
        verbose_name = _("reference")
        verbose_name_plural = _("references")
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="one_reference_a_position")]

    def __str__(self) -> str:
        return str(self.uuid)


class ClientSession(models.Model):
    """A name that a client gives to whatever it is talking in, and the conversation that stands behind it now. Of one account:
    the same name is another session for everybody else."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=200)
    label = models.CharField(_("label"), max_length=200, blank=True)
    """What the client calls its user. It grants nothing."""
    conversation = models.ForeignKey(
        Conversation, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("conversation")
    )
    """None: it was ended, and the next message begins another."""
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), default=timezone.now)

    class Meta:
        verbose_name = _("client's session")
        verbose_name_plural = _("clients' sessions")
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_session_a_name")]
        indexes = [models.Index("last_used_at", name="client_session_by_use")]

    def __str__(self) -> str:
        return self.name


class SearchEntry(models.Model):
    """What one message, or a conversation's title (`message` null), is found by: see `search.py`.

    A table of its own keeps the words out of the rows that every read of a conversation visits.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+")
    message = models.OneToOneField(Message, models.CASCADE, related_name="+", null=True)
    words = SearchVectorField()

    class Meta:
        verbose_name = _("search entry")
        verbose_name_plural = _("search entries")
        indexes = [GinIndex(fields=["words"], name="search_words")]
        constraints = [models.UniqueConstraint(fields=["conversation"], condition=Q(message=None), name="one_title_entry")]

    def __str__(self) -> str:
        return str(self.pk)


class Turn(models.Model):
    """One question being answered. Whoever holds the lease (`fence`) writes it; when the lease runs out, the healer closes it.

    One without a conversation, and so without an answer's message, answers somebody who keeps the conversation herself: of what
    was said nothing is left when it ends.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETED = "completed", _("completed")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, null=True, related_name="turns")
    user_message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+", db_index=False)
    answer = models.OneToOneField(Message, models.CASCADE, null=True, related_name="turn")
    contract = models.CharField(_("contract"), max_length=32)
    """The contract it was begun through: its dialect is the default when the events are read again."""
    client_key = models.CharField(max_length=200, blank=True)
    body_hash = models.BinaryField(max_length=32)
    """SHA-256 of what was asked: the same key with another body is refused."""

    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RUNNING)
    fence = models.UUIDField(default=uuid4)
    lease_until = models.DateTimeField()
    """By the database's clock."""
    stop_requested = models.BooleanField(default=False)

    text = models.TextField(blank=True)
    """The answer so far, at most a second old; emptied into the message when the turn ends."""
    marks = models.BinaryField(default=b"")
    """Where each delta ends in the text: 32-bit offsets in characters, so that events keep their numbers for ever."""

    provider_id = models.BigIntegerField(null=True)
    provider_name = models.CharField(_("provider"), max_length=200, blank=True)
    model_asked = models.CharField(max_length=200, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    price = models.JSONField(null=True)
    """As it was when the turn began (`providers.registry.Price`); null: unknown."""
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(db_default=0)
    """Of the prompt's tokens, those that the vendor took from its cache."""
    usage_source = models.CharField(max_length=16, blank=True)
    options = models.JSONField(default=dict, db_default={})
    """What the model was asked with: temperature and max_tokens, where anybody said."""
    retrieval_ms = models.PositiveIntegerField(null=True)
    """Milliseconds that the search for passages took; null: there was none."""
    finish_reason = models.CharField(max_length=32, blank=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_detail = models.TextField(blank=True)
    """For operators; never shown to the person."""
    retry_after = models.FloatField(null=True)
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    first_token_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        constraints = [
            models.UniqueConstraint("conversation", condition=Q(state="running"), name="one_running_turn"),
            models.UniqueConstraint("conversation", "client_key", condition=~Q(client_key=""), name="one_turn_a_key"),
        ]
        # No index holds a column that is written while a turn runs, so that saving it twice a second touches none of them (a
        # "heap-only" update). The healer finds the running ones by the first constraint's index.

    def __str__(self) -> str:
        return str(self.uuid)
