from django.db import migrations

from hub.tenancy.operations import Regrant


class Migration(migrations.Migration):
    """What was once said or published is never changed: the app role may add to it and read it."""

    dependencies = [("people", "0001_initial")]
    operations = [
        Regrant("people_auditevent", "SELECT, INSERT"),
    ]
