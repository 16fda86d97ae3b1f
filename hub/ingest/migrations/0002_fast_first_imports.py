from django.db import migrations

from hub.tenancy.operations import GrantFunction

# The app role may not ANALYZE. This runs as the schema's owner and can do one thing: refresh the planner's statistics of
# tables that have at least doubled since it looked last. Without them the checks of foreign keys of a first import scan.
FUNCTION = """
CREATE FUNCTION ingest_analyze(wanted text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    grown record;
    done integer := 0;
BEGIN
    FOR grown IN
        SELECT c.oid, c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY(wanted)
            AND pg_relation_size(c.oid) / current_setting('block_size')::int > 2 * c.relpages + 8
        ORDER BY c.relname
    LOOP
        -- Somebody else looks already: one look is enough.
        IF pg_try_advisory_xact_lock(7463, grown.oid::int) THEN
            EXECUTE format('ANALYZE %I', grown.relname);
            done := done + 1;
        END IF;
    END LOOP;
    RETURN done;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION ingest_analyze(text[])"),
        GrantFunction("ingest_analyze(text[])"),
    ]
