from django.db import migrations

from hub.tenancy.operations import Regrant


class Migration(migrations.Migration):
    dependencies = [("journeys", "0001_initial")]

    operations = [Regrant("journeys_journeyversion", "SELECT, INSERT")]
