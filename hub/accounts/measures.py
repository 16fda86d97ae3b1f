"""What can be measured of people and community: who holds a role, when one was last seen, what they did in public.

Who holds a role and who is there is known of today only.
"""

from __future__ import annotations

from functools import partial

from hub.accounts.models import ActivityKind, ContactRole
from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentKind, Arguments, Measure, Rows, days, measures, span

ROLE = Argument("role", "which role", ArgumentKind.TEXT, "", tuple(ContactRole.choices))
ACTIVITY = Argument("activity", "which activity", ArgumentKind.TEXT, "", tuple(ActivityKind.choices))
HOLDS = (("role", "%s = ANY(u.roles)"),)
THERE = Rows("accounts_contact", "created_at", HOLDS, which="u.status = 'active'")
LEFT = Rows("accounts_contact", "left_on", HOLDS, which="u.status = 'left'", utc=False)
COMMUNITY = Rows("accounts_communityactivity", "occurred_at", (("activity", "u.kind = %s"),))


def _days_unseen(given: Arguments) -> Expression:
    seen = THERE.so_far("max(u.last_seen_at)")(given)
    return Expression(f"(%s::date - {seen.sql}::date)", (TODAY, *seen.params), utc=True)


def _people(given: Arguments) -> str:
    return f"people with the role {given['role'].replace('_', ' ')}" if given["role"] else "people"


def register() -> None:
    make = partial(Measure, kind=FactKind.NUMBER, source="account record", order=15)
    for measure in (
        make(
            "people", "people with a role", arguments=(ROLE,),
            expression=THERE.so_far("count(*)"), words=_people, dated=False,
        ),
        make(
            "people_left", "people who left", arguments=(ROLE, days(90)),
            expression=LEFT.in_window("count(*)"), words=lambda given: f"{_people(given)} who left in {span(given)}",
        ),
        make(
            "days_unseen", "days since people of a role were seen", arguments=(ROLE,),
            expression=_days_unseen, dated=False, words=lambda given: f"days since {_people(given)} were seen",
        ),
        make(
            "community_activities", "community activities", arguments=(ACTIVITY, days(90)),
            source="community", expression=COMMUNITY.in_window("count(*)"),
            words=lambda given: f"community {given['activity'] or 'activities'} in {span(given)}",
        ),
    ):  # fmt: skip
        measures.register(measure)
