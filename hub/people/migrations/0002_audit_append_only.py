from django.db import migrations

from hub.tenancy.operations import Regrant


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [Regrant("people_auditevent", "SELECT, INSERT")]
