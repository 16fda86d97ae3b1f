from django.db import migrations

from hub.tenancy.operations import GrantFunction, ProtectTable

# The partition key is in every unique key, so `day` comes from the event's own time: a retry after midnight still meets
# its first copy. Partitions carry no grants; the app role reads and writes through the parent, where the policy is.
TABLE = """
CREATE TABLE usage_event (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    day date NOT NULL,
    account_id uuid,
    user_key varchar(200) NOT NULL,
    group_key varchar(200) NOT NULL DEFAULT '',
    kind varchar(16) NOT NULL,
    name varchar(200) NOT NULL,
    quantity bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source varchar(50) NOT NULL,
    message_id varchar(200) NOT NULL,
    historical boolean NOT NULL,
    properties jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id, day)
) PARTITION BY RANGE (day);
CREATE INDEX usage_event_account ON usage_event (tenant_id, account_id, occurred_at DESC);
CREATE INDEX usage_event_waiting ON usage_event (tenant_id, user_key) WHERE account_id IS NULL;
CREATE INDEX usage_event_waiting_group ON usage_event (tenant_id, group_key)
    WHERE account_id IS NULL AND group_key <> '';
"""
# Rows of a partition lie in the order they came in: a block range index finds the latest and costs next to nothing.
LATEST = "CREATE INDEX usage_event_received ON usage_event USING brin (tenant_id, received_at)"

# The app role may not make tables. This runs as the schema's owner and can do one thing: make the day's partition. Two
# writers may need the same new day at once. Taking an advisory lock does not make a session look at the catalogue anew:
# who waited for the other one may still not see its partition, and then hears so from CREATE TABLE itself.
MAKE = """
CREATE FUNCTION usage_event_partition(wanted date) RETURNS boolean
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
# A day's count is raised all day long: with room in its page the row is changed there, and no index hears of it.
ROOM = "ALTER TABLE usage_usagedaily SET (fillfactor = 60)"


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial"), ("people", "0001_initial")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE usage_event"),
        migrations.RunSQL(LATEST, "DROP INDEX usage_event_received"),
        ProtectTable("usage_event", "SELECT, INSERT, UPDATE"),
        migrations.RunSQL(MAKE, "DROP FUNCTION usage_event_partition(date)"),
        GrantFunction("usage_event_partition(date)"),
        migrations.RunSQL(RETIRE, "DROP FUNCTION usage_event_retire(date)"),
        GrantFunction("usage_event_retire(date)"),
        migrations.RunSQL(ROOM, "ALTER TABLE usage_usagedaily RESET (fillfactor)"),
    ]
