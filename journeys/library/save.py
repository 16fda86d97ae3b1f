"""Save: help with the customer's own goals. It never mentions the drop: nobody likes to be watched."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import GREETING, SIGNED_CSM, WRITE, Proof, ReadyJourney, button, playbook

HELP = (
    GREETING
    + """
{% if objectives.size > 0 %}
<p>I went through what you want to reach with us this year:</p>
<ul>
{% for objective in objectives limit: 3 %}<li><strong>{{ objective.title }}</strong></li>{% endfor %}
</ul>
<p>I have an idea or two for each of them that would take little of your time.
Which one matters most to you right now?</p>
{% else %}
<p>I would like to make sure that {{ company.name }} works on what matters most to {{ account.name }} this quarter.
If you could have one thing running better a month from now, what would it be?</p>
{% endif %}
<p>Just answer this mail with a line. Or look at your hub first, everything is in one place there:</p>
"""
    + button("{{ hub_url }}", "Open your hub")
    + SIGNED_CSM
)

RECOVERED = Proof("usage is back", fact="usage_drop_pct")
LOOK = playbook(
    "find-out-what-changed",
    "Find out what has changed",
    "Usage has fallen for two weeks.",
    "Look who stopped, with which feature, and since when",
    "Read the open tickets and the last survey answers",
    "Ask about their goals; do not mention the numbers",
    "Offer one thing that takes a task off them this week",
    say="“What matters most to you this quarter?” Never: “I have seen that you use it less.”",
    hours=24,
)
SPONSOR = playbook(
    "bring-in-sponsor",
    "Bring in the sponsor",
    "Help has not brought usage back.",
    "Call the executive sponsor: what has changed in their plans?",
    "Say what would have to be true for the renewal",
    "Decide with your lead whether the renewal is at risk, and write it down",
    say="“Your team set out to reach something with us. Is it still what you want?”",
    hours=24,
)

JOURNEY = ReadyJourney(
    key="save",
    name="Save",
    description="Answers a decline in usage with help for the customer's goals, and puts the CSM in the picture.",
    purpose=Purpose.SAVE,
    owner="cs",
    stage="adoption",
    needs=("usage", "contacts"),
    playbooks=(LOOK, SPONSOR),
    proofs={"help": RECOVERED, "session": RECOVERED},
    hypothesis={
        "input": "churn",
        "accounts": "accounts with a usage decline",
        "baseline": "share of such accounts that churn within 180 days, before the journey",
        "expected_change": "−5 points",
        "by_when": "three quarters after publishing",
        "measure": "usage back within 5% of the baseline, and churn within 180 days",
        "comparison": "accounts with a decline in the two quarters before",
    },
    graph={
        "schema": 1,
        "entry": {"trigger": "usage-decline", "reentry": {"rule": "after_finish"}},
        "start": "look",
        "nodes": [
            {
                "id": "look",
                "kind": "task",
                "owner": "account_owner",
                "title": "Find out what has changed at {{ account.name }}",
                "body": "{{ signal.sentence }}. Look at who stopped and with which feature, and at open tickets. They"
                " get a mail in your name that offers help with their goals and does not mention the numbers;"
                " neither should you in your first words.",
                "due_business_days": 1,
                "playbook": LOOK.key,
                "next": "help",
            },
            {
                "id": "help",
                "kind": "email",
                "class": "relationship",
                "topic": "success",
                "to": {"roles": ["champion", "executive_sponsor", "admin"], "fallback": "task"},
                "subject": "What matters most to {{ account.name }} this quarter?",
                "body": HELP,
                "late": "skip",
                "next": "first-week",
            },
            {"id": "first-week", "kind": "wait", "rule": {"business_days": 5, "at": "09:00"}, "next": "session"},
            {
                "id": "session",
                "kind": "in_hub_message",
                "class": "relationship",
                "topic": "success",
                "to": {"roles": ["champion", "admin", "user"], "fallback": "any_contact"},
                "title": "Half an hour for your goals",
                "body": "<p>Bring one task that takes you too long. We will go through it together and leave you with"
                " something that runs. Pick any time that suits you.</p>" + button(WRITE, "Ask for a session"),
                "next": "second-week",
            },
            {"id": "second-week", "kind": "wait", "rule": {"business_days": 7, "at": "09:00"}, "next": "escalate"},
            {
                "id": "escalate",
                "kind": "task",
                "owner": "account_owner",
                "title": "{{ account.name }} has not come back: bring in their sponsor",
                "body": "Two weeks of help have not brought usage back. Call the executive sponsor, ask what has"
                " changed in their plans, and decide with your lead whether this renewal is at risk.",
                "due_business_days": 1,
                "playbook": SPONSOR.key,
                "next": "watch",
            },
            {"id": "watch", "kind": "wait", "rule": {"days": 30}, "next": "end"},
            {"id": "end", "kind": "exit", "reason": "usage has not recovered"},
            {
                "id": "recovered",
                "kind": "goal",
                "label": "Usage recovered",
                "when": {
                    "all": [
                        {"fact": "usage_baseline_weeks", "op": "gte", "value": 4},
                        {"fact": "usage_drop_pct", "op": "lte", "value": 5},
                    ]
                },
            },
        ],
    },
)
