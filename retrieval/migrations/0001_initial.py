from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    """Test databases are made from these migrations too, so the extension comes with the first of them."""

    initial = True
    dependencies: list = []
    operations = [VectorExtension()]
