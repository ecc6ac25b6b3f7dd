from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    """The list counts what is not archived: with that column in the index it need not visit the rows."""

    # Not "concurrently": that would wait for whoever waits for the lock of `prepare`, who waits for us.
    dependencies = [("conversations", "0004_index_what_is_there")]
    operations = [
        migrations.RemoveIndex("conversation", "conversation_by_activity"),
        migrations.AddIndex(
            "conversation",
            models.Index(
                "user",
                F("updated_at").desc(),
                F("id").desc(),
                include=["is_archived"],
                condition=Q(deleted_at__isnull=True),
                name="conversation_by_activity",
            ),
        ),
    ]
