from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION quotas_usage_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'quotas_usage is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER quotas_usage_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quotas_usage
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_usage_refuse_change();
"""
WRITABLE = """
DROP TRIGGER quotas_usage_append_only ON quotas_usage;
DROP FUNCTION quotas_usage_refuse_change();
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
    dependencies = [("quotas", "0001_initial")]

    operations = [migrations.RunSQL(APPEND_ONLY, WRITABLE), migrations.RunSQL(ROOM_FOR_UPDATES, NO_ROOM)]
