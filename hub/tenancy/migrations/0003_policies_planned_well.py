from django.db import migrations

# The same policy in words that the planner guesses better (hub/tenancy/backend/schema.py). Tables that are made later
# are made with it; here are those that are there.
REWRITE = """
DO $do$
DECLARE
    held record;
    wanted text;
BEGIN
    FOR held IN
        SELECT tablename, CASE WHEN tablename = 'accounts_account' THEN 'id' ELSE 'account_id' END AS of_account
        FROM pg_policies
        WHERE schemaname = 'public' AND policyname = 'tenant' AND qual LIKE '%COALESCE%app.account_id%'
    LOOP
        wanted := format($policy$tenant_id = current_setting('app.tenant_id')::uuid
            AND CASE WHEN nullif(current_setting('app.account_id', true), '') IS NULL THEN true
            ELSE %I = current_setting('app.account_id')::uuid END$policy$, held.of_account);
        EXECUTE format('ALTER POLICY tenant ON %I USING (%s) WITH CHECK (%s)', held.tablename, wanted, wanted);
    END LOOP;
END $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0002_work_rests")]
    operations = [migrations.RunSQL(REWRITE, migrations.RunSQL.noop)]
