from django.db import migrations

from hub.tenancy.operations import GrantFunction

# Taking an advisory lock does not make a session look at the catalogue anew: who waited for the other writer may still
# not see its partition, and then hears so from CREATE TABLE itself.
MAKE = """
CREATE OR REPLACE FUNCTION usage_event_partition(wanted date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := 'usage_event_' || to_char(wanted, 'YYYYMMDD');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(7461, hashtext(partition));
    EXECUTE format('CREATE TABLE %I PARTITION OF usage_event FOR VALUES FROM (%L) TO (%L)',
                   partition, wanted, wanted + 1);
    RETURN true;
EXCEPTION WHEN duplicate_table THEN
    RETURN false;
END $$;
"""
# Retention is the dropping of whole days. The floor holds whatever the caller asks for: an event of a day that the
# doors still take must find what it repeats.
RETIRE = """
CREATE FUNCTION usage_event_retire(before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'usage_event'::regclass
            AND c.relname < 'usage_event_' || to_char(least(before, current_date - 410), 'YYYYMMDD')
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_product_identities")]

    operations = [
        migrations.RunSQL(MAKE, migrations.RunSQL.noop),
        migrations.RunSQL(RETIRE, "DROP FUNCTION usage_event_retire(date)"),
        GrantFunction("usage_event_retire(date)"),
    ]
