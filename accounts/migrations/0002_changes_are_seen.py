"""`updated_at` moves with every change of a user, and a deleted user leaves an event: `accounts.feed` lives on both.

Triggers, because a change by `QuerySet.update()`, by the admin site or by hand in psql must sign people out as well.
"""

from django.db import migrations

TOUCH = """
CREATE FUNCTION accounts_user_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'last_login' - 'updated_at' IS DISTINCT FROM to_jsonb(OLD) - 'last_login' - 'updated_at' THEN
        NEW.updated_at := clock_timestamp();
    ELSE
        NEW.updated_at := OLD.updated_at;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accounts_user_touch BEFORE UPDATE ON accounts_user FOR EACH ROW EXECUTE FUNCTION accounts_user_touch();
"""
TELL = """
CREATE FUNCTION accounts_user_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO core_auditevent (at, action, outcome, target, address, user_agent, request_id, details)
    VALUES (clock_timestamp(), 'user.deleted', 'ok', OLD.id::text, '', '', '', jsonb_build_object('username', OLD.username));
    RETURN NULL;
END
$$;
CREATE TRIGGER accounts_user_deleted AFTER DELETE ON accounts_user FOR EACH ROW EXECUTE FUNCTION accounts_user_deleted();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_first"), ("core", "0002_append_only")]

    operations = [
        migrations.RunSQL(TOUCH, "DROP TRIGGER accounts_user_touch ON accounts_user; DROP FUNCTION accounts_user_touch()"),
        migrations.RunSQL(TELL, "DROP TRIGGER accounts_user_deleted ON accounts_user; DROP FUNCTION accounts_user_deleted()"),
    ]
