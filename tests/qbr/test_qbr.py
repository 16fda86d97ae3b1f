from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from hub.accounts.facts import facts_refresh, today_of
from hub.accounts.models import Account, Change
from hub.people.models import Membership
from hub.plans.services import milestone_complete, plan_create
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from qbr.models import Qbr, QbrBlock, QbrComment, QbrLine, QbrLineRevision, QbrRead
from qbr.selectors import qbr_view
from qbr.services import (
    StaleEdit,
    line_add,
    line_edit,
    line_remove,
    line_tag,
    qbr_generate_all,
    qbr_share,
    quarter_of,
)
from signals.engine import evaluate_batch
from signals.models import Signal
from tests.world import ACTOR, PASSWORD, make_account, make_contact, make_member

SECRET = "their CFO wants to cut us"


@pytest.fixture
def csm(acme: Tenant) -> Membership:
    return make_member(acme, "csm")


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        account = make_account()
        make_contact(account, "kim@northwind.example")
        make_account("Other")
        facts_refresh(list(Account.objects.values_list("pk", flat=True)), today=today_of(acme))
        qbr_generate_all(tenant=acme, actor=ACTOR)
    return account


def staff_client(member: Membership) -> Client:
    client = Client()
    assert client.login(email=member.user.email, password=PASSWORD)
    return client


def hub_client(tenant: Tenant, email: str = "kim@northwind.example") -> Client:
    with tenant_context(tenant):
        token = sign_in_prepare(email=email).token
    client = Client()
    client.post(f"/hub/{tenant.slug}/enter/{token}/")
    return client


@pytest.mark.parametrize(
    ("day", "name", "first", "end"),
    [
        (date(2026, 1, 1), "2026-Q1", date(2026, 1, 1), date(2026, 4, 1)),
        (date(2026, 6, 30), "2026-Q2", date(2026, 4, 1), date(2026, 7, 1)),
        (date(2026, 12, 31), "2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
    ],
)
def test_quarters_are_calendar_quarters(day: date, name: str, first: date, end: date) -> None:
    quarter = quarter_of(day)
    assert (quarter.name, quarter.starts_on, quarter.ends_on) == (name, first, end)


def test_generation_covers_every_account_and_repeating_it_makes_nothing(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        assert Qbr.objects.count() == Account.objects.count() == 2
        blocks, lines = QbrBlock.objects.count(), QbrLine.objects.count()
        assert qbr_generate_all(tenant=acme, actor=ACTOR) == 0
        assert (QbrBlock.objects.count(), QbrLine.objects.count()) == (blocks, lines)
        make_account("Third")
        assert qbr_generate_all(tenant=acme, actor=ACTOR) == 1


def test_generation_costs_the_same_queries_for_2_and_for_60_accounts(
    acme: Tenant, account: Account, django_assert_max_num_queries: object
) -> None:
    with tenant_context(acme):
        for number in range(60):
            make_account(f"A{number}")
        with django_assert_max_num_queries(16):  # type: ignore[operator]  # pytest-django's fixture
            assert qbr_generate_all(tenant=acme, actor=ACTOR) == 60


def test_a_line_tagged_expansion_becomes_one_signal(acme: Tenant, account: Account, csm: Membership) -> None:
    with tenant_context(acme):
        block = QbrBlock.objects.get(qbr__account=account, kind="narrative")
        line = line_add(block=block, text="They ask for 20 more seats", user=csm.user, actor=ACTOR)
        for tag in ("expansion", "", "expansion"):
            line_tag(line_id=line.pk, tag=tag, user=csm.user, actor=ACTOR)
        while evaluate_batch(acme):
            pass
        signal = Signal.objects.get(account=account)
        assert signal.trigger.key == "qbr-expansion"
        assert "20 more seats" in signal.sentence
        assert Change.objects.filter(kind="qbr.line_tagged").count() == 1


def test_an_edit_of_a_line_that_moved_on_is_refused_and_loses_nothing(
    acme: Tenant, account: Account, csm: Membership
) -> None:
    with tenant_context(acme):
        block = QbrBlock.objects.get(qbr__account=account, kind="narrative")
        line = line_add(block=block, text="first", user=csm.user, actor=ACTOR)
        line_edit(line_id=line.pk, revision=1, text="second", user=csm.user, actor=ACTOR)
        with pytest.raises(StaleEdit) as caught:
            line_edit(line_id=line.pk, revision=1, text="mine", user=csm.user, actor=ACTOR)
        assert caught.value.current.text == "second"
        with pytest.raises(StaleEdit):
            line_remove(line_id=line.pk, revision=1, user=csm.user, actor=ACTOR)
        assert [r.text for r in QbrLineRevision.objects.filter(line_id=line.pk)] == ["first"]


def test_a_stale_edit_in_the_browser_shows_both_texts(acme: Tenant, account: Account, csm: Membership) -> None:
    client = staff_client(csm)
    with tenant_context(acme):
        block = QbrBlock.objects.get(qbr__account=account, kind="narrative")
        line = line_add(block=block, text="first", user=csm.user, actor=ACTOR)
        line_edit(line_id=line.pk, revision=1, text="theirs", user=csm.user, actor=ACTOR)
    response = client.post(f"/t/acme/qbrs/lines/{line.pk}/", {"text": "mine <b>", "revision": "1"})
    assert response.status_code == 409
    page = response.content.decode()
    assert "theirs" in page
    assert "mine &lt;b&gt;" in page


def test_internal_lines_never_reach_the_customer(acme: Tenant, account: Account, csm: Membership) -> None:
    with tenant_context(acme):
        qbr = Qbr.objects.get(account=account)
        block = qbr.blocks.get(kind="narrative")
        line_add(block=block, text=SECRET, user=csm.user, actor=ACTOR, internal=True)
        line_add(block=block, text="Usage is up", user=csm.user, actor=ACTOR)
        qbr_share(qbr=qbr, user=csm.user, actor=ACTOR)
        views = qbr_view(qbr, today=timezone.localdate(), for_customer=True)
        assert not any(line.internal for view in views for line in view.lines)
    client = hub_client(acme)
    for path in ("/hub/acme/", "/hub/acme/qbr/", f"/hub/acme/qbr/{qbr.quarter}/"):
        page = client.get(path).content.decode()
        assert SECRET not in page, path
    assert "Usage is up" in page
    assert SECRET in staff_client(csm).get(f"/t/acme/qbrs/{qbr.pk}/").content.decode()


def test_a_draft_is_not_for_the_customer(acme: Tenant, account: Account) -> None:
    client = hub_client(acme)
    with tenant_context(acme):
        qbr = Qbr.objects.get(account=account)
    assert "No business review yet" in client.get("/hub/acme/qbr/").content.decode()
    assert client.get(f"/hub/acme/qbr/{qbr.quarter}/").status_code == 404


def test_the_customer_reads_and_comments_and_staff_answer(acme: Tenant, account: Account, csm: Membership) -> None:
    with tenant_context(acme):
        qbr = Qbr.objects.get(account=account)
        qbr_share(qbr=qbr, user=csm.user, actor=ACTOR)
        block = qbr.blocks.get(kind="usage")
    client = hub_client(acme)
    assert "Read your business review" in client.get("/hub/acme/").content.decode()
    client.get("/hub/acme/qbr/")
    assert client.post(f"/hub/acme/qbr/blocks/{block.pk}/comment/", {"body": "Why the dip?"}).status_code == 302
    staff = staff_client(csm)
    assert "Why the dip?" in staff.get(f"/t/acme/qbrs/{qbr.pk}/").content.decode()
    assert "Why the dip?" in staff.get("/t/acme/").content.decode()
    staff.post(f"/t/acme/qbrs/blocks/{block.pk}/answer/", {"body": "Holidays."})
    assert "Holidays." in client.get("/hub/acme/qbr/").content.decode()
    with tenant_context(acme):
        assert QbrComment.objects.count() == 2
        assert QbrRead.objects.get().times == 2


@pytest.mark.django_db(transaction=True)
def test_a_comment_sent_twice_at_once_is_one_comment(acme: Tenant, account: Account, csm: Membership) -> None:
    with tenant_context(acme):
        qbr = Qbr.objects.get(account=account)
        qbr_share(qbr=qbr, user=csm.user, actor=ACTOR)
        block = qbr.blocks.get(kind="usage")
    client = hub_client(acme)
    form = re.search(r'name="form" value="([^"]+)"', client.get("/hub/acme/qbr/").content.decode())
    assert form
    together = Barrier(2)

    def send(body: str) -> int:
        mine = Client()
        mine.cookies = client.cookies
        together.wait(10)
        status = mine.post(f"/hub/acme/qbr/blocks/{block.pk}/comment/", {"body": body, "form": form[1]}).status_code
        connection.close()
        return status

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(send, ["Why the dip?"] * 2)) == [302, 302]
        assert list(threads.map(send, ["Why the dip?", "And the rise?"])) == [302, 302]
    with tenant_context(acme):
        assert sorted(QbrComment.objects.values_list("body", flat=True)) == ["And the rise?", "Why the dip?"]


def test_a_customer_cannot_comment_on_a_draft_or_on_another_accounts_review(acme: Tenant, account: Account) -> None:
    client = hub_client(acme)
    with tenant_context(acme):
        blocks = [
            QbrBlock.objects.get(qbr__account=account, kind="usage").pk,
            QbrBlock.objects.get(qbr__account__name="Other", kind="usage").pk,
        ]
        Qbr.objects.filter(account__name="Other").update(shared_at=timezone.now())
    for block in blocks:
        assert client.post(f"/hub/acme/qbr/blocks/{block}/comment/", {"body": "hello"}).status_code == 404


def test_a_marketer_reads_but_does_not_edit(acme: Tenant, account: Account) -> None:
    client = staff_client(make_member(acme, "marketer"))
    with tenant_context(acme):
        qbr = Qbr.objects.get(account=account)
        block = qbr.blocks.get(kind="narrative")
    assert client.get(f"/t/acme/qbrs/{qbr.pk}/").status_code == 200
    assert client.post(f"/t/acme/qbrs/blocks/{block.pk}/lines/", {"text": "x"}).status_code == 403


def test_pages_of_the_list_cost_the_same_at_1_and_at_20_rows(
    acme: Tenant, csm: Membership, django_assert_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = staff_client(csm)
    counts = []
    for total in (1, 20):
        with tenant_context(acme):
            for number in range(total):
                make_account(f"Q{number}")
            qbr_generate_all(tenant=acme, actor=ACTOR)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/t/acme/qbrs/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", ["", "   ", "x" * 5001])
def test_an_empty_or_endless_line_is_refused_with_a_message(
    acme: Tenant, account: Account, csm: Membership, text: str
) -> None:
    client = staff_client(csm)
    with tenant_context(acme):
        block = QbrBlock.objects.get(qbr__account=account, kind="narrative")
        before = QbrLine.objects.count()
    response = client.post(f"/t/acme/qbrs/blocks/{block.pk}/lines/", {"text": text}, follow=True)
    assert "Not saved" in response.content.decode()
    with tenant_context(acme):
        assert QbrLine.objects.count() == before


def test_a_sentence_written_from_data_says_what_the_live_figures_say_until_somebody_makes_it_theirs(
    acme: Tenant, csm: Membership
) -> None:
    with tenant_context(acme):
        account = make_account()
        plan = plan_create(account=account, started_on=today_of(acme), actor=ACTOR)
        facts_refresh([account.pk], today=today_of(acme))
        qbr_generate_all(tenant=acme, actor=ACTOR)
        line = QbrLine.objects.get(block__qbr__account=account, block__kind="milestones")
        milestone_complete(milestone_id=plan.milestones.all()[0].pk, via="hub", actor=ACTOR)
        facts_refresh([account.pk], today=today_of(acme))

        def shown() -> str:
            views = qbr_view(Qbr.objects.get(account=account), today=today_of(acme), for_customer=True)
            return next(view for view in views if view.kind.key == "milestones").lines[0].text

        assert line.text.startswith("4 required")
        assert shown().startswith("3 required")
        assert line_tag(line_id=line.pk, tag="expansion", user=csm.user, actor=ACTOR).text.startswith("3 required")
        milestone_complete(milestone_id=plan.milestones.all()[1].pk, via="hub", actor=ACTOR)
        facts_refresh([account.pk], today=today_of(acme))
        assert shown().startswith("3 required")
