from __future__ import annotations

from celery import shared_task

from hub.people.mail import staff_mail_send


@shared_task(name="tandem.staff_mail", ignore_result=True)
def staff_mail() -> None:
    """Send the sign-in mail that is due; staff sign in before there is a tenant."""
    staff_mail_send()
