"""Bad input to rules: each has one defined outcome, which docs/rules.md says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.accounts.facts import facts_refresh, today_of
from hub.feedback.models import Ticket
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.explain import reason_code
from hub.rules.language import RuleError, parse
from hub.rules.reading import Reading, read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.models import Trigger
from signals.services import trigger_edit
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 31)
CLOCK = Clock(datetime(2026, 3, 31, 9, tzinfo=UTC), TODAY)


def measure(name: str, op: str, value: Any = None, **given: Any) -> dict[str, Any]:
    tree = {"fact": name, "with": given, "op": op}
    return tree if value is None else tree | {"value": value}


def ask(tree: dict[str, Any], clock: Clock = CLOCK, uses: dict[int, int] | None = None, **fields: Any) -> Reading:
    """What a rule says about an account with so many uses on days so long ago (negative: in the future)."""
    account = make_account(**fields)
    UsageDaily.objects.all().delete()
    for ago, count in (uses or {}).items():
        UsageDaily.objects.create(account=account, day=TODAY - timedelta(days=ago), name="Export", count=count)
    facts_refresh([account.pk], today=clock.today)
    return read_rule(parse(tree, known_facts()), [account.pk], clock)[0]


def refused(tree: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as caught:
        parse(tree, known_facts())
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


def test_an_unknown_fact_is_refused_by_its_name(acme: Tenant) -> None:
    with tenant_context(acme):
        wrong = {"any": [{"fact": "shoe", "op": "eq", "value": 1}, {"fact": "attribute.gone", "op": "is_set"}]}
        assert refused(wrong) == [
            ("/any/0/fact", 'unknown fact "shoe"'),
            ("/any/1/fact", 'unknown fact "attribute.gone"'),
        ]


def test_a_value_of_the_wrong_type_is_refused_with_what_was_expected(acme: Tenant) -> None:
    with tenant_context(acme):
        wrong = [{"fact": "seats", "op": "gt", "value": "ten"}, {"fact": "renews_on", "op": "lt", "value": "31.3.2026"}]
        first, second = refused({"all": wrong})
        assert first == ("/all/0/value", "expected a number, got text")
        assert second[0] == "/all/1/value"
        assert "expected a date like" in second[1]


@pytest.mark.parametrize("days", [0, -7, 731, 10**12, 1.5, True, "30", None, [30]])
def test_an_absurd_window_is_refused(acme: Tenant, days: Any) -> None:
    with tenant_context(acme):
        tree = measure("uses", "gte", 1, days=days)
        if days is None:
            # Nothing said is the default.
            assert parse(tree, known_facts()) == parse(measure("uses", "gte", 1, days=30), known_facts())
        else:
            assert refused(tree) == [("/with/days", "expected a whole number of days from 1 to 730")]


def test_a_circle_of_composites_is_refused_with_the_way_round(acme: Tenant) -> None:
    def stands(key: str) -> dict[str, Any]:
        return measure("trigger_stands", "eq", True, trigger=key)

    with tenant_context(acme):
        made = [
            Trigger.objects.create(key=key, name=key, family="x", kind=Trigger.Kind.COMPUTED, rule=rule)
            for key, rule in (("a", stands("b")), ("b", stands("c")), ("c", {"all": []}))
        ]
        with pytest.raises(RuleError, match="wait for one another: c → a → b → c"):
            trigger_edit(trigger=made[2], rule=stands("a"), actor=ACTOR)


def test_a_change_against_a_history_of_nothing_is_missing_not_infinite(acme: Tenant) -> None:
    with tenant_context(acme):
        for op, value in (("gt", 0), ("lte", 0), ("ne", 5)):
            reading = ask(measure("uses_change", op, value, days=7), uses={1: 5})
            assert not reading.holds
            assert list(reading.values.values()) == [None]
        rule = parse(measure("uses_change", "gt", 0, days=7), known_facts())
        assert reason_code(rule, reading.values, CLOCK).endswith("is missing")
        assert ask(measure("uses_change", "is_not_set", days=7), uses={1: 5}).holds


def test_an_account_younger_than_the_window_counts_what_there_is(acme: Tenant) -> None:
    with tenant_context(acme):
        reading = ask(measure("uses", "eq", 5, days=365), uses={1: 5}, signed_up_on=TODAY - timedelta(days=2))
        assert reading.holds


def test_missing_days_are_days_without_use(acme: Tenant) -> None:
    with tenant_context(acme):
        assert ask(measure("use_days", "eq", 2, days=30), uses={0: 1, 20: 1}).holds
        daily = measure("uses", "gte", 1, days=1)
        assert not ask({"sustained": daily, "days": 3}, uses={0: 1, 2: 1}).holds


def test_future_dated_rows_do_not_count_before_their_day(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        Ticket.objects.create(account=account, source="t", external_id="1", opened_at=CLOCK.now + timedelta(days=2))
        for tree in (
            measure("tickets", "eq", 0),
            measure("uses", "eq", 3),
            measure("first_use", "is_set", event="Export"),
        ):
            assert ask(tree, uses={0: 3, -1: 100}).holds is True
        assert ask(measure("latest_use", "is_not_set", event="Export"), uses={-1: 1}).holds
        later = Clock(CLOCK.now + timedelta(days=2), TODAY + timedelta(days=2))
        facts_refresh([account.pk], today=later.today)
        assert read_rule(parse(measure("tickets", "eq", 1), known_facts()), [account.pk], later)[0].holds


def test_a_change_of_zone_moves_today_from_the_next_evaluation_on(acme: Tenant) -> None:
    due = {"fact": "signed_up_on", "op": "within_days_after", "value": 0}
    instant = datetime(2026, 3, 31, 10, 30, tzinfo=UTC)
    with tenant_context(acme):
        held = []
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Kiritimati"):
            acme.timezone = zone
            clock = Clock(instant, today_of(acme, instant))
            held.append(ask(due, clock, signed_up_on=date(2026, 4, 1)).holds)
        assert held == [True, False, True]


def test_a_measure_without_any_data_is_zero_where_it_counts_and_missing_where_it_divides(acme: Tenant) -> None:
    with tenant_context(acme):
        for name in ("uses", "users", "tickets", "escalations", "promoters"):
            assert ask(measure(name, "eq", 0)).holds, name
        for name, given in (("uses_change", {}), ("top_event_share", {}), ("survey_score", {"survey": "nps"})):
            assert ask(measure(name, "is_not_set", **given)).holds, name
            assert not ask(measure(name, "lte", 100, **given)).holds, name


def test_every_bad_input_of_the_documentation_has_its_test() -> None:
    text = (Path(__file__).parents[2] / "docs/rules.md").read_text().split("## Bad input")[1].split("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", text))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_bad_input_of_the_documentation_has_its_test"
    }
    assert named == here
