"""Whoever can write to the database by this application, an attacker included, cannot rewrite what happened.

`core_append_only()` serves any other table that is append-only.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION core_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""
TRIGGERS = """
CREATE TRIGGER core_auditevent_append_only BEFORE UPDATE OR DELETE ON core_auditevent
FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER core_auditevent_no_truncate BEFORE TRUNCATE ON core_auditevent
FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
"""
WITHOUT_TRIGGERS = """
DROP TRIGGER core_auditevent_append_only ON core_auditevent;
DROP TRIGGER core_auditevent_no_truncate ON core_auditevent;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_first")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION core_append_only()"),
        migrations.RunSQL(TRIGGERS, WITHOUT_TRIGGERS),
    ]
