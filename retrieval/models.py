"""What may be read: topics, the documents in them, their text in chunks, and the chunks' vectors, of several models beside each
other."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField


class Topic(models.Model):
    """A shelf of documents. Its owner's alone, unless an administrator shares it with people or with everyone, to read."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, max_length=2_000)
    for_everyone = models.BooleanField(_("for everyone"), default=False)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, through="TopicReader", related_name="+", blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_topic_a_name")]

    def __str__(self) -> str:
        return self.name


class TopicReader(models.Model):
    """Somebody who may read a topic that is not hers."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    created_at = models.DateTimeField(_("since"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("reader of a topic")
        verbose_name_plural = _("readers of topics")
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="one_reader_a_topic")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.topic_id}"


class AgentTopic(models.Model):
    """A topic that an agent answers from, for those of its users who may read it."""

    agent = models.ForeignKey("providers.Agent", models.CASCADE, related_name="+", verbose_name=_("agent"))
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="+", verbose_name=_("topic"))

    class Meta:
        verbose_name = _("topic of an agent")
        verbose_name_plural = _("topics of agents")
        constraints = [models.UniqueConstraint(fields=["agent", "topic"], name="one_topic_an_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.topic_id}"


class Document(models.Model):
    """An uploaded file and how far it has come. Whoever works on it holds its lease (`fence`); when the lease runs out, the
    sweeper hands it to the next worker."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("image")
        DOCUMENT = "document", _("document")
        CAD = "cad", _("drawing")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        EXTRACTING = "extracting", _("being read")
        EMBEDDING = "embedding", _("being embedded")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner"))
    topic = models.ForeignKey(Topic, models.SET_NULL, null=True, blank=True, related_name="documents", verbose_name=_("topic"))
    original_name = models.CharField(_("file name"), max_length=255)
    """As the uploader's machine called it: shown, never used as a path."""
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    extension = models.CharField(_("type"), max_length=8)
    """Lower case, without a dot; agrees with the content."""
    media_type = models.CharField(max_length=127)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.BinaryField(max_length=32)
    file = models.CharField(max_length=100)
    """Its name in the storage."""
    description = models.TextField(_("description"), blank=True, max_length=2_000)

    title = models.CharField(_("title"), max_length=500, blank=True)
    """The file's own, else its name without the extension."""
    author = models.CharField(_("author"), max_length=500, blank=True)
    written_at = models.DateTimeField(_("written"), null=True, blank=True)
    """When the file says that it was made."""
    page_count = models.PositiveIntegerField(_("pages"), null=True, blank=True)

    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.WAITING)
    failure = models.CharField(_("failure"), max_length=64, blank=True)
    """A code of `retrieval.failures`: why it failed, in a word that every language has a sentence for."""
    failure_detail = models.TextField(blank=True)
    """For operators."""
    version = models.PositiveIntegerField(_("version"), default=1)
    """Of its chunks: raised when the file is read anew."""
    chunk_count = models.PositiveIntegerField(_("chunks"), default=0)
    chunks_done = models.PositiveIntegerField(_("embedded chunks"), default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    """By the database's clock; null: nobody works on it."""
    created_at = models.DateTimeField(_("uploaded"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), db_default=Now())
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [models.UniqueConstraint(fields=["owner", "sha256"], name="one_document_a_content")]
        indexes = [
            models.Index("owner", models.F("id").desc(), name="document_by_upload"),
            models.Index(fields=["lease_until"], condition=~Q(status__in=["ready", "failed"]), name="document_in_work"),
        ]

    def __str__(self) -> str:
        return self.title or self.original_name

    @property
    def public_name(self) -> str:
        """What its file is called in `/uploads/`."""
        return f"{self.uuid}.{self.extension}"


class DocumentText(models.Model):
    """What was read out of a file, whole. Chunks and references name places in it by characters."""

    document = models.OneToOneField(Document, models.CASCADE, primary_key=True, related_name="text")
    text = models.TextField()
    page_starts = ArrayField(models.PositiveIntegerField(), default=list)
    """Where each page begins, in characters, the first at 0; empty where the file has no pages."""

    class Meta:
        verbose_name = _("text of a document")
        verbose_name_plural = _("texts of documents")

    def __str__(self) -> str:
        return str(self.document_id)


class Chunk(models.Model):
    """A piece of a document's text: `text == DocumentText.text[start:end]`."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks", db_index=False)
    version = models.PositiveIntegerField(default=1)
    ordinal = models.PositiveIntegerField()
    """From 0, in the order of the text."""
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)
    """From 1: where it begins."""
    language = models.CharField(max_length=2, blank=True)
    """zh or en, by its script; empty: neither."""
    text = models.TextField()
    words = SearchVectorField()
    """What it is found by, each word with all its places: see `lexical.py`."""
    length = models.PositiveIntegerField()
    """Of `words`, counting repetitions."""

    class Meta:
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        constraints = [models.UniqueConstraint(fields=["document", "version", "ordinal"], name="one_chunk_a_place")]
        indexes = [GinIndex(fields=["words"], name="chunk_words")]

    def __str__(self) -> str:
        return str(self.uuid)


class EmbeddingModel(models.Model):
    """Something that turns text into vectors. Many may have vectors; one is asked when somebody searches.

    Each has an index of its own, over its own rows of `Embedding`: see `vectors.py`.
    """

    class Kind(models.TextChoices):
        PACKAGED = "packaged", _("packaged with the platform")
        OPENAI = "openai", _("an OpenAI-compatible endpoint")

    class State(models.TextChoices):
        FILLING = "filling", _("being filled")
        ACTIVE = "active", _("in use")
        RETIRED = "retired", _("retired")

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    model = models.CharField(_("model"), max_length=200)
    """As the endpoint calls it."""
    provider = models.ForeignKey(
        "providers.Provider", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("provider")
    )
    """Whose address and key are used; null for the packaged one."""
    dimensions = models.PositiveIntegerField(_("dimensions"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.FILLING)
    cosine_scale = models.FloatField(default=1.0, editable=False)
    cosine_shift = models.FloatField(default=0.0, editable=False)
    """shift + scale · cosine is what the packaged model would say, on the mean: scores mean the same with any model."""
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    activated_at = models.DateTimeField(_("in use since"), null=True, blank=True)

    class Meta:
        verbose_name = _("embedding model")
        verbose_name_plural = _("embedding models")
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_embedding_model"),
            models.CheckConstraint(
                condition=Q(kind="packaged", provider=None) | Q(kind="openai", provider__isnull=False),
                name="endpoint_has_a_provider",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Embedding(models.Model):
    """A chunk as one model's vector, of length 1."""

    chunk = models.ForeignKey(Chunk, models.CASCADE, related_name="embeddings", db_index=False)
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+", db_index=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="+", db_index=False)
    """The chunk's: rights are asked of it in the statement that compares vectors."""
    vector = HalfVectorField()
    """Of the model's dimensions. The column has none of its own, so that models differ."""

    class Meta:
        verbose_name = _("embedding")
        verbose_name_plural = _("embeddings")
        constraints = [models.UniqueConstraint(fields=["chunk", "model"], name="one_vector_a_model")]
        indexes = [models.Index(fields=["document", "model"], name="embedding_of_document")]

    def __str__(self) -> str:
        return f"{self.chunk_id} {self.model_id}"
