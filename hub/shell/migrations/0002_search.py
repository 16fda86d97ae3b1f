from django.db import migrations

# What the list of accounts searches and sorts by. Columns that PostgreSQL itself derives are never behind their row,
# whoever writes it; lower() inside a condition would use no index under row level security (it is not leakproof), a
# plain column does. Byte order ("C"), so that what begins with something is a range. The list is this app's, so are
# they: the account's model knows nothing of them.
ACCOUNTS = r"""
ALTER TABLE accounts_account
    ADD COLUMN list_name text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED,
    ADD COLUMN list_second text COLLATE "C" GENERATED ALWAYS AS (lower(substring(name FROM '^\S+\s+(.+)$'))) STORED,
    ADD COLUMN list_third text COLLATE "C"
        GENERATED ALWAYS AS (lower(substring(name FROM '^\S+\s+\S+\s+(.+)$'))) STORED,
    ADD COLUMN list_domain text COLLATE "C" GENERATED ALWAYS AS (nullif(lower(domain), '')) STORED;
CREATE INDEX account_list_name ON accounts_account (tenant_id, list_name, id);
CREATE INDEX account_list_second ON accounts_account (tenant_id, list_second) WHERE list_second IS NOT NULL;
CREATE INDEX account_list_third ON accounts_account (tenant_id, list_third) WHERE list_third IS NOT NULL;
CREATE INDEX account_list_domain ON accounts_account (tenant_id, list_domain) WHERE list_domain IS NOT NULL;
CREATE INDEX account_list_owner ON accounts_account (tenant_id, owner_id, list_name, id);
CREATE INDEX account_list_stage ON accounts_account (tenant_id, stage, id);
CREATE INDEX account_list_signed_up ON accounts_account (tenant_id, signed_up_on, id);
CREATE INDEX account_list_mrr ON accounts_accountfacts (tenant_id, mrr_minor, account_id);
CREATE INDEX account_list_renewal ON accounts_accountfacts (tenant_id, renews_on, account_id);
CREATE INDEX account_list_usage ON accounts_accountfacts (tenant_id, usage_30d, account_id);
CREATE INDEX account_list_last_use ON accounts_accountfacts (tenant_id, last_event_on, account_id);
"""
ACCOUNTS_GONE = """
DROP INDEX account_list_mrr, account_list_renewal, account_list_usage, account_list_last_use;
ALTER TABLE accounts_account
    DROP COLUMN list_name, DROP COLUMN list_second, DROP COLUMN list_third, DROP COLUMN list_domain;
DROP INDEX IF EXISTS account_list_owner, account_list_stage, account_list_signed_up;
"""
# The same for contacts: what the search looks at, derived by PostgreSQL from name and address.
CONTACTS = r"""
ALTER TABLE accounts_contact
    ADD COLUMN list_name text COLLATE "C" GENERATED ALWAYS AS (nullif(lower(name), '')) STORED,
    ADD COLUMN list_second text COLLATE "C" GENERATED ALWAYS AS (lower(substring(name FROM '^\S+\s+(.+)$'))) STORED,
    ADD COLUMN list_email text COLLATE "C" GENERATED ALWAYS AS (nullif(lower(email), '')) STORED;
CREATE INDEX contact_list_name ON accounts_contact (tenant_id, list_name) WHERE list_name IS NOT NULL;
CREATE INDEX contact_list_second ON accounts_contact (tenant_id, list_second) WHERE list_second IS NOT NULL;
CREATE INDEX contact_list_email ON accounts_contact (tenant_id, list_email) WHERE list_email IS NOT NULL;
"""
CONTACTS_GONE = """
ALTER TABLE accounts_contact DROP COLUMN list_name, DROP COLUMN list_second, DROP COLUMN list_email;
"""


class Migration(migrations.Migration):
    dependencies = [("shell", "0001_initial"), ("accounts", "0001_initial")]
    operations = [migrations.RunSQL(ACCOUNTS, ACCOUNTS_GONE), migrations.RunSQL(CONTACTS, CONTACTS_GONE)]
