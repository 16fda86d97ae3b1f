from django.db import migrations

# A fact row is written with every evaluation of its account, and at the close of a day all of them are: with room in
# their page they are changed there, and none of their indexes hears of it but for what it holds.
ROOM = "ALTER TABLE accounts_accountfacts SET (fillfactor = 50)"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(ROOM, "ALTER TABLE accounts_accountfacts RESET (fillfactor)")]
