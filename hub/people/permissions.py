"""The permission matrix, as data. CS owns the structure, customer marketing the lifecycle layer; both read all."""

from __future__ import annotations

from typing import Final

ADMIN, CSM, MARKETER, LEADER = "admin", "csm", "marketer", "leader"
EVERYONE: Final = frozenset({ADMIN, CSM, MARKETER, LEADER})

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "today.view": EVERYONE,
    "search.view": EVERYONE,
    "accounts.view": EVERYONE,
    "accounts.edit": frozenset({ADMIN, CSM}),
    "views.keep": EVERYONE,
    # What everybody sees above their lists; RevOps has the role of a leader.
    "views.share": frozenset({ADMIN, LEADER}),
    "record.view": EVERYONE,
    "record.edit": frozenset({ADMIN}),
    "notes.write": frozenset({ADMIN, CSM, MARKETER}),
    "tasks.work": frozenset({ADMIN, CSM, MARKETER}),
    "playbooks.edit": frozenset({ADMIN, CSM, MARKETER}),
    # What both sides promise each other is set by those who answer for it.
    "tasks.targets": frozenset({ADMIN, LEADER}),
    "plans.edit": frozenset({ADMIN, CSM}),
    "signals.view": EVERYONE,
    "signals.resolve": frozenset({ADMIN, CSM, MARKETER}),
    "triggers.edit": frozenset({ADMIN, CSM, MARKETER}),
    "health.set": frozenset({ADMIN, CSM}),
    # RevOps keeps the model; it has the role of a leader.
    "health.edit": frozenset({ADMIN, LEADER}),
    "segments.edit": frozenset({ADMIN, CSM, MARKETER}),
    "stages.set": frozenset({ADMIN, CSM}),
    "stages.edit": frozenset({ADMIN, LEADER}),
    "journeys.view": EVERYONE,
    "journeys.run": frozenset({ADMIN, MARKETER}),
    "journeys.edit": frozenset({ADMIN, MARKETER}),
    "decisions.view": EVERYONE,
    # CS and marketing both review what next best action wants to do; what it may do at all is marketing's to say.
    "decisions.review": frozenset({ADMIN, CSM, MARKETER}),
    "plays.edit": frozenset({ADMIN, MARKETER}),
    "outbox.view": EVERYONE,
    "outbox.resolve": frozenset({ADMIN, MARKETER}),
    # Whoever hears what a contact says about mail writes it down.
    "consent.record": frozenset({ADMIN, CSM, MARKETER}),
    "sending.edit": frozenset({ADMIN, MARKETER}),
    # Sending that stopped by itself, because receivers complained, goes on by an admin's word alone.
    "sending.lift": frozenset({ADMIN}),
    "qbr.view": EVERYONE,
    "qbr.edit": frozenset({ADMIN, CSM}),
    "qbr.generate": frozenset({ADMIN, CSM}),
    "advocacy.view": EVERYONE,
    "advocacy.edit": frozenset({ADMIN, MARKETER}),
    "metrics.view": EVERYONE,
    # Both teams own the plan of a quarter, and each ticks off what it has promised.
    "planning.edit": frozenset({ADMIN, CSM, MARKETER, LEADER}),
    "planning.work": frozenset({ADMIN, CSM, MARKETER, LEADER}),
    # Quarantine and history are read by all; RevOps has the role of a leader.
    "imports.view": EVERYONE,
    "imports.run": frozenset({ADMIN, LEADER}),
    "sources.view": frozenset({ADMIN, CSM, MARKETER, LEADER}),
    "sources.edit": frozenset({ADMIN}),
    # Whose a customer of another system is, they know who know the accounts.
    "sources.match": frozenset({ADMIN, CSM, LEADER}),
    "portal.view_as": frozenset({ADMIN, CSM, MARKETER}),
    "exports.take": EVERYONE,
    "webhooks.manage": frozenset({ADMIN}),
    "people.manage": frozenset({ADMIN}),
    "audit.view": frozenset({ADMIN, LEADER}),
}


def allowed(role: str, permission: str) -> bool:
    """True when `role` holds `permission`; an unknown permission is a programming error and raises KeyError."""
    return role in PERMISSIONS[permission]
