from django.db import migrations


class Migration(migrations.Migration):
    """A running turn is saved twice a second: free room in its page keeps the new version beside the old one, out of the indexes."""

    dependencies = [("conversations", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE conversations_turn SET (fillfactor = 60)", "ALTER TABLE conversations_turn RESET (fillfactor)"
        )
    ]
