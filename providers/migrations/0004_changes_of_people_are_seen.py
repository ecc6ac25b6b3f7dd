"""The tables that came since stamp `CatalogueVersion` as well, and what concerns single people leaves the shared stamp alone.

Whether a provider is shared or somebody's own its row says, so its triggers look at the rows of the statement. All of them do that
much that a statement without rows stamps nothing: deleting somebody's own provider also says "delete its models", of which it has
none.
"""

from django.db import migrations

SHARED, OF_PEOPLE, BY_SCOPE = "shared", "of people", "by scope"
TABLES = {
    "providers_provider": BY_SCOPE,
    "providers_model": SHARED,
    "providers_modelalias": SHARED,
    "providers_modelprice": SHARED,
    "providers_agent": SHARED,
    "providers_distribution": OF_PEOPLE,
    "providers_fallback": OF_PEOPLE,
    "providers_preference": OF_PEOPLE,
}
EARLIER = ("providers_provider", "providers_model", "providers_modelalias", "providers_modelprice")

FUNCTION = """
CREATE FUNCTION providers_rows_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shared boolean := true;
BEGIN
    IF TG_OP <> 'TRUNCATE' THEN
        IF NOT EXISTS (SELECT FROM touched) THEN
            RETURN NULL;
        END IF;
        shared := TG_ARGV[0] = 'shared';
        IF TG_ARGV[0] = 'by scope' THEN
            shared := EXISTS (SELECT FROM touched WHERE scope <> 'personal');
            IF TG_OP = 'UPDATE' THEN
                shared := shared OR EXISTS (SELECT FROM before WHERE scope <> 'personal');
            END IF;
        END IF;
    END IF;
    INSERT INTO providers_catalogueversion (id, stamp, shared_stamp) VALUES (1, gen_random_uuid(), gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp, shared_stamp = CASE
        WHEN shared THEN excluded.shared_stamp ELSE providers_catalogueversion.shared_stamp END;
    RETURN NULL;
END
$$;
"""

EARLIER_FUNCTION = """
CREATE FUNCTION providers_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO providers_catalogueversion (id, stamp) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END
$$;
"""


def _triggers(table: str, concerns: str) -> migrations.RunSQL:
    def trigger(event: str, rows: str) -> str:
        return (
            f"CREATE TRIGGER {table}_{event.lower()} AFTER {event} ON {table} {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION providers_rows_changed('{concerns}')"
        )

    events = {
        "INSERT": "REFERENCING NEW TABLE AS touched",
        "UPDATE": "REFERENCING OLD TABLE AS before NEW TABLE AS touched",
        "DELETE": "REFERENCING OLD TABLE AS touched",
        "TRUNCATE": "",
    }
    return migrations.RunSQL(
        [trigger(event, rows) for event, rows in events.items()],
        [f"DROP TRIGGER {table}_{event.lower()} ON {table}" for event in events],
    )


def _without_the_earlier_trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"DROP TRIGGER {table}_changed ON {table}",
        f"CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION providers_catalogue_changed()",
    )


class Migration(migrations.Migration):
    dependencies = [("providers", "0003_providers_and_agents")]

    operations = [
        *(_without_the_earlier_trigger(table) for table in EARLIER),
        migrations.RunSQL("DROP FUNCTION providers_catalogue_changed()", EARLIER_FUNCTION),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION providers_rows_changed()"),
        *(_triggers(table, concerns) for table, concerns in TABLES.items()),
    ]
