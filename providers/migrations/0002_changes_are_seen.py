"""Every change of a provider, model, alias or price stamps `CatalogueVersion` anew: `providers.registry` lives on it.

Triggers, because a change by `QuerySet.update()`, by the admin site or by hand in psql must be seen by every process as well.
Once a statement, so that seeding thousands of prices stamps a handful of times.
"""

from django.db import migrations

TABLES = ("providers_provider", "providers_model", "providers_modelalias", "providers_modelprice")

FUNCTION = """
CREATE FUNCTION providers_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO providers_catalogueversion (id, stamp) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END
$$;
INSERT INTO providers_catalogueversion (id, stamp) VALUES (1, gen_random_uuid());
"""


def _trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION providers_catalogue_changed()",
        f"DROP TRIGGER {table}_changed ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_first")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION providers_catalogue_changed()"),
        *(_trigger(table) for table in TABLES),
    ]
