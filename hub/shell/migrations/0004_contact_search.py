from django.db import migrations

# As for accounts (0001): what the search looks at, derived by PostgreSQL from the contact's name and address.
COLUMNS = r"""
ALTER TABLE accounts_contact
    ADD COLUMN list_name text COLLATE "C" GENERATED ALWAYS AS (nullif(lower(name), '')) STORED,
    ADD COLUMN list_second text COLLATE "C" GENERATED ALWAYS AS (lower(substring(name FROM '^\S+\s+(.+)$'))) STORED,
    ADD COLUMN list_email text COLLATE "C" GENERATED ALWAYS AS (nullif(lower(email), '')) STORED;
CREATE INDEX contact_list_name ON accounts_contact (tenant_id, list_name) WHERE list_name IS NOT NULL;
CREATE INDEX contact_list_second ON accounts_contact (tenant_id, list_second) WHERE list_second IS NOT NULL;
CREATE INDEX contact_list_email ON accounts_contact (tenant_id, list_email) WHERE list_email IS NOT NULL;
"""
GONE = """
ALTER TABLE accounts_contact DROP COLUMN list_name, DROP COLUMN list_second, DROP COLUMN list_email;
"""


class Migration(migrations.Migration):
    dependencies = [("shell", "0003_bulk_edits"), ("accounts", "0006_rollup_due")]
    operations = [migrations.RunSQL(COLUMNS, GONE)]
