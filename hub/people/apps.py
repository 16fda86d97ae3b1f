from datetime import datetime, timedelta

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "hub.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.registry.schedules import Schedule, schedules

        schedules.register(Schedule("staff-mail", timedelta(seconds=10), _staff_mail))


def _staff_mail(slot: datetime) -> None:
    """Find the mail whose wake-up got lost, and the mail that is to be tried again."""
    from hub.people.mail import staff_mail_due
    from hub.people.tasks import staff_mail

    if staff_mail_due(slot):
        staff_mail.apply_async(queue="access", expires=60)
