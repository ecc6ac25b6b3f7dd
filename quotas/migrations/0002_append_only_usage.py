from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER quotas_usage_append_only BEFORE UPDATE OR DELETE ON quotas_usage
FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER quotas_usage_no_truncate BEFORE TRUNCATE ON quotas_usage
FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
"""
WRITABLE = """
DROP TRIGGER quotas_usage_append_only ON quotas_usage;
DROP TRIGGER quotas_usage_no_truncate ON quotas_usage;
"""

# No index holds a counter or a state, so with room left on its page an update writes no index at all.
ROOM_FOR_UPDATES = """
ALTER TABLE quotas_allowance SET (fillfactor = 50);
ALTER TABLE quotas_reservation SET (fillfactor = 70);
"""
NO_ROOM = """
ALTER TABLE quotas_allowance RESET (fillfactor);
ALTER TABLE quotas_reservation RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial"), ("core", "0002_append_only")]

    operations = [migrations.RunSQL(APPEND_ONLY, WRITABLE), migrations.RunSQL(ROOM_FOR_UPDATES, NO_ROOM)]
