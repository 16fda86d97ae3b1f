"""What is known of accounts when it is decided what is best for them: read once for a whole batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Max, Q

from hub.accounts.models import AccountFacts
from hub.outbox.gates import Purpose
from hub.outbox.policy import bucket_of, sending_rules
from hub.outbox.pressure import counted
from hub.outbox.situations import holdouts
from hub.registry.troubles import troubles_of
from hub.rules.reading import read_facts
from hub.tenancy.models import Tenant
from journeys.decisions.acts.base import Hindrance, play_acts
from journeys.decisions.deciding import CHOSEN, Verdict, decide
from journeys.decisions.given import Given, GivenPlay, GivenSignal
from journeys.decisions.models import OPEN, Choice, ChoiceStatus, Play
from journeys.decisions.rulebook import RuleBook
from journeys.decisions.terms import Terms, terms_of
from journeys.decisions.worths import FACTS
from journeys.models import Enrollment, EnrollmentStatus
from journeys.world import World
from signals.models import Signal, SignalStatus

# What has been open for longer is no reason to act today.
SIGNALS_FOR: Final = timedelta(days=60)
MOST_SIGNALS: Final = 40
# So many choices of a play may be open at once: a rule that is true of everybody must not bury the people who review.
MOST_OPEN: Final = 100


@dataclass
class Situations:
    """A batch of accounts at one moment, inside the tenant's context; the number of queries does not depend on it."""

    tenant: Tenant
    account_ids: Sequence[UUID]
    now: datetime
    concerned: Sequence[UUID] = ()
    """Those that some play answers: of nobody else anything more is read."""

    @cached_property
    def world(self) -> World:
        return World(self.tenant, list(self.account_ids), self.now)

    @cached_property
    def plays(self) -> list[Play]:
        return list(Play.objects.filter(archived_at__isnull=True).order_by("key"))

    @cached_property
    def terms(self) -> dict[tuple[str, int], Terms]:
        return {(play.key, play.version): terms_of(play.terms) for play in self.plays}

    @cached_property
    def rules(self) -> RuleBook:
        return RuleBook(self.terms)

    def given(self) -> dict[UUID, Given]:
        """Everything known of each account that some play answers; accounts that none does are left out."""
        answering = {pk: plays for pk in self.account_ids if (plays := self._answering(pk))}
        self.concerned = sorted(answering)
        found = {pk: self._given(pk, plays) for pk, plays in answering.items()}
        hindered = self._hindrances(found) if found else {}
        return {pk: _with(given, hindered) for pk, given in found.items()}

    def decided(self) -> list[tuple[Given, list[Verdict]]]:
        """Every account with what is decided for it; one after the other, for a play may not flood the queue."""
        found, still_open = [], Counter(self.open_of_plays)
        for given in self.given().values():
            plays = tuple(replace(play, full=still_open[play.key] >= MOST_OPEN) for play in given.plays)
            known = replace(given, plays=plays)
            verdicts = decide(known, self.terms, self.rules)
            still_open.update(v.play for v in verdicts if v.verdict == CHOSEN)
            found.append((known, verdicts))
        return found

    def _answering(self, account_id: UUID) -> list[Play]:
        account, signals = self.world.accounts[account_id], self.signals[account_id]
        return [play for play in self.plays if self._answers(play, account.stage, signals)]

    def _given(self, account_id: UUID, plays: Sequence[Play]) -> Given:
        return Given(
            tenant=str(self.tenant.pk),
            account=str(account_id),
            now=self.now.isoformat(),
            today=self.world.clock.today.isoformat(),
            stage=self.world.accounts[account_id].stage,
            facts=self.facts.get(account_id, {}),
            signals=tuple(self.signals[account_id]),
            plays=tuple(self._play(play, account_id) for play in plays),
            inside=tuple(sorted(self.inside[account_id])),
            open_p1=account_id in self.urgent,
            red_health=account_id in self.troubles.get("red_health", ()),
            held_out=self.held_out.get(account_id, False),
            pressure=(self.pressure[account_id], self.sending.policy.account_cap),
            waiting=self.waiting.get(account_id, ""),
        )

    def _answers(self, play: Play, stage: str, signals: Sequence[GivenSignal]) -> bool:
        terms = self.terms[play.key, play.version]
        return stage in terms.stages or any(signal.trigger in terms.triggers for signal in signals)

    def _play(self, play: Play, account_id: UUID) -> GivenPlay:
        learnt = self.learnt.get(play.pk, (0, 0))
        last = self.last.get((account_id, play.pk))
        terms = self.terms[play.key, play.version]
        return GivenPlay(
            key=play.key,
            name=play.name,
            version=play.version,
            is_on=play.is_on,
            successes=learnt[0],
            failures=learnt[1],
            bucket=bucket_of(f"play:{play.pk}", account_id),
            programme=self._programmes[play.key] if terms.action in play_acts else False,
            last=last.isoformat() if last else "",
        )

    # --- What the actions say -------------------------------------------------------------------------------------

    @cached_property
    def _programmes(self) -> dict[str, bool]:
        found = {}
        for play in self.plays:
            terms = self.terms[play.key, play.version]
            act = play_acts.as_mapping().get(terms.action)
            found[play.key] = act.programme(terms.config, self.world) if act else False
        return found

    def _hindrances(self, found: Mapping[UUID, Given]) -> dict[tuple[UUID, str], Hindrance]:
        """What actions say, of accounts at which a play is eligible: only there it costs anything to ask."""
        asked: dict[str, dict[str, Terms]] = defaultdict(dict)
        accounts: dict[str, set[UUID]] = defaultdict(set)
        for account_id, given in found.items():
            for play in given.plays:
                terms = self.terms[play.key, play.version]
                if self.rules.ask(play.key, play.version, given)[0]:
                    asked[terms.action][play.key] = terms
                    accounts[terms.action].add(account_id)
        hindered: dict[tuple[UUID, str], Hindrance] = {}
        for action, plays in asked.items():
            world = World(self.tenant, sorted(accounts[action]), self.now)
            act = play_acts.as_mapping().get(action)
            gone = {(pk, key): Hindrance(blocked=("no_action", "no app offers to do this"))
                    for pk in accounts[action] for key in plays}  # fmt: skip
            hindered |= dict(act.hindrances(world, plays)) if act else gone
        return hindered

    # --- Read for the whole batch ---------------------------------------------------------------------------------

    @cached_property
    def facts(self) -> dict[UUID, dict[str, Any]]:
        known = self.rules.known
        wanted = {name: known[name] for name in FACTS if name in known} | self.rules.facts()
        return read_facts(wanted, self.concerned, self.world.clock)

    @cached_property
    def signals(self) -> dict[UUID, list[GivenSignal]]:
        """What is open, not cleared and not snoozed, the latest first."""
        rows = Signal.objects.select_related("trigger").filter(
            Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=self.now),
            account_id__in=list(self.account_ids),
            status=SignalStatus.OPEN,
            cleared_at__isnull=True,
            recorded_at__gt=self.now - SIGNALS_FOR,
        )
        found: dict[UUID, list[GivenSignal]] = defaultdict(list)
        for row in rows.order_by("-recorded_at", "-id"):
            if len(found[row.account_id]) < MOST_SIGNALS:
                trigger = row.trigger
                told = GivenSignal(str(row.pk), trigger.key, trigger.name, row.trigger_version)
                found[row.account_id].append(told)
        return found

    @cached_property
    def urgent(self) -> set[UUID]:
        rows = AccountFacts.objects.filter(account_id__in=list(self.concerned), open_urgent_tickets__gt=0)
        return set(rows.values_list("account_id", flat=True))

    @cached_property
    def troubles(self) -> dict[str, frozenset[UUID]]:
        return troubles_of(self.concerned)

    @cached_property
    def inside(self) -> dict[UUID, set[str]]:
        """What the journeys that each account is in are for."""
        rows = Enrollment.objects.filter(account_id__in=list(self.concerned), status=EnrollmentStatus.ACTIVE)
        found: dict[UUID, set[str]] = defaultdict(set)
        for account_id, purpose in rows.values_list("account_id", "journey__purpose"):
            found[account_id].add(purpose)
        return found

    @cached_property
    def sending(self) -> Any:
        return sending_rules(self.tenant.settings)

    @cached_property
    def pressure(self) -> Counter[UUID]:
        rows = counted(self.now, self.sending.policy).filter(account_id__in=list(self.concerned))
        return Counter(dict(rows.order_by().values_list("account_id").annotate(n=Count("pk"))))

    @cached_property
    def held_out(self) -> dict[UUID, bool]:
        return holdouts(self.tenant, self.concerned, self.sending)

    @cached_property
    def waiting(self) -> dict[UUID, str]:
        """The purpose of an open choice; what is decided already nothing outranks."""
        rows = Choice.objects.filter(account_id__in=list(self.concerned), status__in=OPEN)
        found = rows.values_list("account_id", "purpose", "status")
        return {pk: Purpose.SERVICE if status == ChoiceStatus.SCHEDULED else purpose for pk, purpose, status in found}

    @cached_property
    def open_of_plays(self) -> dict[str, int]:
        rows = Choice.objects.filter(status__in=OPEN).order_by()
        return dict(rows.values_list("play__key").annotate(n=Count("pk")))

    @cached_property
    def last(self) -> dict[tuple[UUID, UUID], date]:
        """The day on which each play was last chosen; what gave way to something more urgent does not count."""
        rows = Choice.objects.filter(account_id__in=list(self.concerned), play__isnull=False)
        taken = rows.exclude(status=ChoiceStatus.NOTHING).exclude(reason="superseded").order_by()
        found = taken.values_list("account_id", "play_id").annotate(last=Max("day"))
        return {(account, play): day for account, play, day in found}

    @cached_property
    def learnt(self) -> dict[UUID, tuple[int, int]]:
        """Successes and failures by play, since it began to learn."""
        return learnt_of(None)


def learnt_of(play_id: UUID | None) -> dict[UUID, tuple[int, int]]:
    """Successes and failures of what was done, by play, of all plays or of one. One query."""
    rows = Choice.objects.filter(status=ChoiceStatus.DONE, success__isnull=False, at__gte=F("play__learns_since"))
    if play_id is not None:
        rows = rows.filter(play_id=play_id)
    counts = (
        rows.order_by()
        .values_list("play_id")
        .annotate(yes=Count("pk", filter=Q(success=True)), no=Count("pk", filter=Q(success=False)))
    )
    return {play: (yes, no) for play, yes, no in counts}


def _with(given: Given, hindered: Mapping[tuple[UUID, str], Hindrance]) -> Given:
    account_id = UUID(given.account)
    plays = []
    for play in given.plays:
        hindrance = hindered.get((account_id, play.key), Hindrance())
        plays.append(replace(play, running=hindrance.running, blocked=hindrance.blocked))
    return replace(given, plays=tuple(plays))
