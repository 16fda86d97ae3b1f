"""Deals the accounts of one batch to the arms of running experiments; what was dealt before is looked up once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from hub.accounts.models import AccountFacts
from journeys.experiments.arms import signature
from journeys.experiments.assign import arm_at, arm_in_stratum, band_of, place_of
from journeys.experiments.models import Assignment, ExperimentStatus, Phase
from signals.segments.models import SegmentMember

Place = tuple[UUID, str]
"""A journey and one of its nodes."""


@dataclass
class Dealer:
    """The experiments of the tenant, and the arms of a batch of accounts. Every look-up is for the whole batch."""

    account_ids: Sequence[UUID]
    now: datetime
    _signatures: dict[int, str] = field(default_factory=dict)

    def phase(self, place: Place, config: Mapping[str, Any]) -> Phase | None:
        """The phase that runs on a node, if the node does what that phase compares."""
        phase = self._running.get(place)
        return phase if phase is not None and phase.signature == self._signature(config) else None

    def chosen(self, place: Place, config: Mapping[str, Any]) -> int | None:
        """The arm that everybody gets since the latest experiment on a node ended, while its arms are the same."""
        arm, digest = self._chosen.get(place, (None, ""))
        return arm if arm is not None and digest == self._signature(config) else None

    def of_journey(self, journey_id: UUID) -> Phase | None:
        """The phase of the experiment on a whole journey."""
        return self._running.get((journey_id, ""))

    def arm(self, phase: Phase, account_id: UUID, enrollment_id: UUID, *, held_out: bool) -> Assignment:
        """The account's assignment: as it is kept, else drawn now and kept by whoever stores the batch."""
        key = (phase.pk, account_id)
        if key not in self._known:
            stratum = self._stratum(phase, account_id)
            self._known[key] = Assignment(
                phase=phase, account_id=account_id, enrollment_id=enrollment_id, held_out=held_out, stratum=stratum,
                arm=self._draw(phase, account_id, stratum, held_out), assigned_at=self.now,
            )  # fmt: skip
        return self._known[key]

    def _draw(self, phase: Phase, account_id: UUID, stratum: str, held_out: bool) -> int:
        # Who gets nothing of an arm must not take its place in a block.
        if not stratum or held_out:
            return arm_at(place_of(phase.salt, account_id), phase.weights)
        position = self._taken[phase.pk, stratum]
        self._taken[phase.pk, stratum] += 1
        return arm_in_stratum(phase.salt, stratum, position, phase.weights)

    def _signature(self, config: Mapping[str, Any]) -> str:
        # By identity: the graphs that hold the configs live as long as this object.
        if id(config) not in self._signatures:
            self._signatures[id(config)] = signature(config)
        return self._signatures[id(config)]

    @cached_property
    def _phases(self) -> list[Phase]:
        running = Phase.objects.filter(ended_at=None, experiment__status=ExperimentStatus.RUNNING)
        return list(running.select_related("experiment").order_by("pk"))

    @cached_property
    def _running(self) -> dict[Place, Phase]:
        return {(phase.experiment.journey_id, phase.experiment.node_id): phase for phase in self._phases}

    @cached_property
    def _chosen(self) -> dict[Place, tuple[int | None, str]]:
        """What was decided last for each node, "the step itself" (no arm) among it."""
        told = ("experiment__journey_id", "experiment__node_id", "experiment__chosen", "signature")
        ended = Phase.objects.filter(experiment__status=ExperimentStatus.ENDED)
        rows = ended.order_by("experiment__ended_at", "number").values_list(*told)
        return {(journey, node): (arm, digest) for journey, node, arm, digest in rows}

    @cached_property
    def _known(self) -> dict[tuple[UUID, UUID], Assignment]:
        found = Assignment.objects.filter(phase__in=self._phases, account_id__in=list(self.account_ids))
        return {(assigned.phase_id, assigned.account_id): assigned for assigned in found}

    # --- Strata ---------------------------------------------------------------------------------------------------

    @cached_property
    def _taken(self) -> Counter[tuple[UUID, str]]:
        """How many accounts each stratum has; two workers deal one after the other, in the order of phases."""
        mine = [phase.pk for phase in self._phases if phase.experiment.stratify]
        list(Phase.objects.select_for_update().filter(pk__in=mine).order_by("pk"))
        rows = Assignment.objects.filter(phase_id__in=mine, held_out=False).values_list("phase_id", "stratum")
        return Counter(rows)

    def _stratum(self, phase: Phase, account_id: UUID) -> str:
        by = phase.experiment.stratify
        if by.startswith("segment:"):
            return "in" if (account_id, by.partition(":")[2]) in self._members else "out"
        if not by:
            return ""
        tier, mrr = self._facts.get(account_id, ("", 0))
        return band_of(mrr or 0, phase.edges) if by == "mrr" else f"tier {tier}"[:80]

    @cached_property
    def _facts(self) -> dict[UUID, tuple[str, int | None]]:
        rows = AccountFacts.objects.filter(account_id__in=list(self.account_ids))
        return {pk: (tier, mrr) for pk, tier, mrr in rows.values_list("account_id", "tier", "mrr_minor")}

    @cached_property
    def _members(self) -> set[tuple[UUID, str]]:
        rows = SegmentMember.objects.filter(account_id__in=list(self.account_ids), left_on=None)
        return set(rows.values_list("account_id", "segment__key"))
