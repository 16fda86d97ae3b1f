"""What contacts comment in a QBR is read; what staff answer is not the customer's word."""

from __future__ import annotations

import pytest

from hub.feedback import reading
from hub.feedback.models import ReadText
from hub.feedback.text_selectors import latest_texts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from qbr.models import QbrBlock
from qbr.services import comment_add, qbr_generate_all
from tests.world import ACTOR, make_account, make_contact, make_member

pytestmark = pytest.mark.django_db


def test_comments_of_contacts_are_read_and_those_of_staff_are_not(acme: Tenant) -> None:
    member = make_member(acme)
    with tenant_context(acme):
        account = make_account()
        contact = make_contact(account)
        qbr_generate_all(tenant=acme, actor=ACTOR)
        block = QbrBlock.objects.filter(qbr__account=account)[0]
        comment = comment_add(block=block, body="We love the new export, great work", contact=contact, actor=ACTOR)
        comment_add(block=block, body="Thank you, that is great", user=member.user, actor=ACTOR)
    reading.drain(acme.pk)
    with tenant_context(acme):
        read = ReadText.objects.get()
        assert (read.kind, read.object_id, read.feeling) == ("qbr", comment.pk, "positive")
        [said] = latest_texts(5)
        assert (said.text.text, said.source) == (comment.body, "QBR comments")
