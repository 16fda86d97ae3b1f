from django.db import migrations


class Migration(migrations.Migration):
    """A day's count is raised all day long: with room in its page the row is changed there, and no index hears of it."""

    dependencies = [("usage", "0005_latest_events")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE usage_usagedaily SET (fillfactor = 60)",
            "ALTER TABLE usage_usagedaily RESET (fillfactor)",
        )
    ]
