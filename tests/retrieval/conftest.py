"""People and a storage of the test's own; an endpoint that makes vectors, and the model that asks it.

Models are imported inside: pytest loads this before Django is set up.
"""

from pathlib import Path

import pytest

from tests.vendors.embeddings import embeddings_endpoint


@pytest.fixture
def endpoint():
    with embeddings_endpoint(dimensions=64) as running:
        yield running


@pytest.fixture
def endpoint_model(db, endpoint):
    from providers.keys import put_key
    from providers.models import Kind, Provider
    from retrieval.models import EmbeddingModel

    provider = Provider(name="vectors", kind=Kind.CUSTOM, base_url=endpoint.url, default_model="any", is_default=True)
    put_key(provider, "sk-vectors-of-the-endpoint")
    provider.save()
    return EmbeddingModel.objects.create(
        name="characters",
        kind=EmbeddingModel.Kind.OPENAI,
        model="characters-1",
        provider=provider,
        dimensions=endpoint.dimensions,
    )


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    """Where uploaded files are kept."""
    place = tmp_path / "documents"
    documents = {"BACKEND": "retrieval.storage.PrivateFolder", "OPTIONS": {"location": str(place)}}
    settings.STORAGES = {**settings.STORAGES, "documents": documents}
    return place


@pytest.fixture
def library(transactional_db, folder):
    """A fresh installation's database and storage, and the embedding model that it searches with."""
    from tests.retrieval.library import packaged_model

    return packaged_model()


@pytest.fixture
def alice(library):
    from tests.retrieval.library import person

    return person("alice")


@pytest.fixture
def bob(library):
    from tests.retrieval.library import person

    return person("bob")


@pytest.fixture
def admin(library):
    from tests.retrieval.library import person

    return person("admin", role="admin", is_superuser=True)
