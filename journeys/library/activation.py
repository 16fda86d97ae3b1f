"""Activation: every milestone is noticed, the next one is a click away, silence is noticed too."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import GREETING, SIGNED_CSM, Proof, ReadyJourney, button, playbook

DOER = {"roles": ["signal_contact", "champion", "admin"], "fallback": "any_contact"}
CHAMPION = {"roles": ["champion", "signal_contact", "admin"], "fallback": "any_contact"}

REACHED = (
    GREETING
    + """
<p><strong>{{ milestones.latest }}</strong> is done. That makes {{ milestones.done }} of {{ milestones.total }}.</p>
{% if milestones.next != '' %}
<p>Next comes <strong>{{ milestones.next }}</strong>.
{% if milestones.next_description != '' %}{{ milestones.next_description }}{% endif %}</p>
{% endif %}
"""
    + button("{{ plan_url }}", "Go on with the plan")
    + """
<p>If something is in the way, answer this mail and we will clear it together.</p>
"""
    + SIGNED_CSM
)

LIVE = (
    GREETING
    + """
<p>With <strong>{{ milestones.latest }}</strong> every required step of your onboarding is done:
{{ account.name }} is up and running. Well done, and thank you for the pace.</p>
<p>Your hub now shows what you use and what it brings you. It is a good moment to write down
what you want to have reached in three months.</p>
"""
    + button("{{ hub_url }}", "Open your hub")
    + SIGNED_CSM
)

REACHED_NEXT = Proof("the next milestone is reached", signal="milestone-reached")
CLEAR = playbook(
    "clear-onboarding",
    "Clear what is in the way",
    "An onboarding stands still between two milestones.",
    "Look which milestone is next and who was to do it",
    "Call, and ask what is in the way",
    "Agree on a date, and write it into the plan",
    say="“Which part of it would take you an hour, and which part do you not know how to begin?”",
)
HAND_OVER = playbook(
    "first-objectives",
    "First objectives",
    "An account is activated.",
    "Congratulate in person",
    "Write down two or three objectives with a metric and a date",
    "Plan the first review",
    say="“You are live. What should be better in three months, and how will you see it?”",
)

JOURNEY = ReadyJourney(
    key="activation",
    name="Activation",
    description="Notices every milestone, shows the next one, and tells the CSM when an account goes live or stalls.",
    purpose=Purpose.ONBOARDING,
    owner="cs",
    stage="onboarding",
    needs=("plans",),
    playbooks=(CLEAR, HAND_OVER),
    proofs={
        "reached": REACHED_NEXT,
        "nudge": REACHED_NEXT,
        "live": Proof("the account is activated", fact="activated_on"),
        "well-done": REACHED_NEXT,
    },
    hypothesis={
        "input": "churn",
        "accounts": "accounts in onboarding",
        "baseline": "share of accounts activated within 30 days, before the journey",
        "expected_change": "+10 points",
        "by_when": "90 days after publishing",
        "measure": "activation within 30 days of the plan's start",
        "comparison": "accounts onboarded in the 90 days before",
    },
    graph={
        "schema": 1,
        # The last milestone itself meets the goal, and is what there is to celebrate.
        "entry": {"trigger": "milestone-reached", "reentry": {"rule": "after_finish"}, "goal_met": "enter"},
        "start": "where",
        "nodes": [
            {
                "id": "where",
                "kind": "branch",
                "cases": [
                    {
                        "label": "Just activated",
                        "when": {"fact": "activated_on", "op": "within_days_after", "value": 1},
                        "next": "live",
                    },
                    {
                        "label": "Activated before",
                        "when": {"fact": "activated_on", "op": "is_set"},
                        "next": "well-done",
                    },
                ],
                "else": "reached",
            },
            {
                "id": "reached",
                "kind": "email",
                "class": "service",
                "topic": "onboarding",
                "to": DOER,
                "subject": "Done: {{ milestones.latest }}"
                "{% if milestones.next != '' %}. Next: {{ milestones.next }}{% endif %}",
                "body": REACHED,
                "late": "skip",
                "next": "next-step",
            },
            {
                "id": "next-step",
                "kind": "wait_for",
                "signal": "milestone-reached",
                "timeout": {"business_days": 5, "at": "09:00"},
                "on_timeout": "nudge",
                "next": "where",
            },
            {
                "id": "nudge",
                "kind": "in_hub_message",
                "class": "service",
                "topic": "onboarding",
                "to": CHAMPION,
                "title": "Next up: {{ milestones.next | default: 'your plan' }}",
                "body": "<p>You are {{ milestones.left }} step{% if milestones.left != 1 %}s{% endif %} from going"
                " live. {{ milestones.next_description }}</p>" + button("{{ plan_url }}", "Open the plan"),
                "next": "second-chance",
            },
            {
                "id": "second-chance",
                "kind": "wait_for",
                "signal": "milestone-reached",
                "timeout": {"business_days": 7, "at": "09:00"},
                "on_timeout": "stalled",
                "next": "where",
            },
            {
                "id": "stalled",
                "kind": "task",
                "owner": "account_owner",
                "title": "Onboarding at {{ account.name }} stands still"
                "{% if milestones.next != '' %} at “{{ milestones.next }}”{% endif %}",
                "body": "No milestone for more than two weeks, {{ milestones.done }} of {{ milestones.total }} done."
                " Call, find out what is in the way, and agree on a date.",
                "due_business_days": 2,
                "playbook": CLEAR.key,
                "next": "end",
            },
            {
                "id": "live",
                "kind": "email",
                "class": "service",
                "topic": "onboarding",
                "to": CHAMPION,
                "subject": "{{ account.name }} is live",
                "body": LIVE,
                "late": "skip",
                "next": "hand-over",
            },
            {
                "id": "hand-over",
                "kind": "task",
                "owner": "account_owner",
                "title": "{{ account.name }} is activated: agree on goals for the first quarter",
                "body": "Every required milestone is done, the last one was “{{ milestones.latest }}”. Congratulate in"
                " person, write down two or three objectives with a metric and a date, and plan the first QBR.",
                "due_business_days": 3,
                "playbook": HAND_OVER.key,
                "next": "end",
            },
            {
                "id": "well-done",
                "kind": "in_hub_message",
                "class": "service",
                "topic": "onboarding",
                "to": DOER,
                "title": "Done: {{ milestones.latest }}",
                "body": "<p>One more step of the plan is done. You do not stop at what is required, and it shows.</p>"
                + button("{{ plan_url }}", "See the plan"),
                "next": "optional",
            },
            {
                "id": "optional",
                "kind": "wait_for",
                "signal": "milestone-reached",
                "timeout": {"business_days": 10, "at": "09:00"},
                "on_timeout": "end",
                "next": "where",
            },
            {"id": "end", "kind": "exit"},
            {
                "id": "activated",
                "kind": "goal",
                "label": "Activated",
                "when": {"fact": "activated_on", "op": "is_set"},
            },
        ],
    },
)
