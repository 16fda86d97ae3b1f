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
"""

# The app role may not make tables. This runs as the schema's owner and can do one thing: make the day's partition.
FUNCTION = """
CREATE FUNCTION usage_event_partition(wanted date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := 'usage_event_' || to_char(wanted, 'YYYYMMDD');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- Two writers may need the same new day at once.
    PERFORM pg_advisory_xact_lock(7461, hashtext(partition));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF usage_event FOR VALUES FROM (%L) TO (%L)',
                   partition, wanted, wanted + 1);
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial"), ("people", "0001_initial")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE usage_event"),
        ProtectTable("usage_event", "SELECT, INSERT, UPDATE"),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION usage_event_partition(date)"),
        GrantFunction("usage_event_partition(date)"),
    ]
