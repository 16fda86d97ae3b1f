"""Upsell: marketing educates first, then the CSM has the commercial talk."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import GREETING, SIGNED_CSM, Proof, ReadyJourney, button, playbook

EDUCATE = (
    GREETING
    + """
<p>In your last review we noted that {{ account.name }} wants to do more with {{ company.name }}.
Before anybody talks about contracts, here is how other teams went about it:</p>
<ol>
<li>They began with the one team that had asked for it, and with one task that it does every week.</li>
<li>They named somebody there who shows the others how it is done.</li>
<li>They looked at the numbers after a month, and only then decided how far to go.</li>
</ol>
<p>Your review shows what you use today and where there is room. It is the best place to plan from.</p>
"""
    + button("{{ hub_url }}", "See what you use today")
    + SIGNED_CSM
)

TALK = playbook(
    "expansion-talk",
    "Expansion talk",
    "A review has shown that the account wants more.",
    "Read the line of the review in their words",
    "Ask which team would go first, and what it should reach",
    "Check budget, its date, and who decides",
    "Make one offer with its price",
    say="“You said in the review what you want to do. Which team should have it first, and what would tell you in"
    " a month"
    " that it was right?”",
)

JOURNEY = ReadyJourney(
    key="upsell",
    name="Upsell",
    description="Answers an expansion line of a QBR with education first, then with the CSM's commercial talk.",
    purpose=Purpose.EXPANSION,
    owner="marketing",
    stage="expansion",
    needs=("qbrs", "contracts"),
    playbooks=(TALK,),
    proofs={"educate": Proof("MRR has grown", fact="expanded_on")},
    hypothesis={
        "input": "expansion",
        "accounts": "accounts with an expansion line in their QBR",
        "baseline": "share of such accounts whose MRR grows within 90 days, before the journey",
        "expected_change": "+5 points",
        "by_when": "two quarters after publishing",
        "measure": "expansion of MRR within 90 days of the line",
        "comparison": "the accounts of the global holdout",
    },
    graph={
        "schema": 1,
        "entry": {"trigger": "qbr-expansion", "reentry": {"rule": "after_days", "days": 30}},
        "start": "educate",
        "nodes": [
            {
                "id": "educate",
                "kind": "email",
                "class": "programme",
                "topic": "growth",
                "to": {"roles": ["champion", "decision_maker"], "fallback": "any_contact"},
                "subject": "How teams like yours grow with {{ company.name }}",
                "body": EDUCATE,
                "late": "skip",
                "next": "let-it-sink",
            },
            {"id": "let-it-sink", "kind": "wait", "rule": {"business_days": 3, "at": "09:00"}, "next": "quiet"},
            {
                "id": "quiet",
                "kind": "branch",
                "cases": [
                    {
                        "label": "An urgent ticket is open",
                        "when": {"fact": "open_urgent_tickets", "op": "gt", "value": 0},
                        "next": "let-it-sink",
                    }
                ],
                "else": "talk",
            },
            {
                "id": "talk",
                "kind": "task",
                "owner": "account_owner",
                "title": "Talk with {{ account.name }} about growing",
                "body": "From the QBR: “{{ signal.text }}”. They have been sent what others did in their place. Ask"
                " which team would go first and what it should reach, then make one offer with its price.",
                "due_business_days": 2,
                "playbook": TALK.key,
                "next": "decide",
            },
            {"id": "decide", "kind": "wait", "rule": {"days": 60}, "next": "end"},
            {"id": "end", "kind": "exit", "reason": "no expansion within 60 days of the talk"},
            {
                "id": "expanded",
                "kind": "goal",
                "label": "MRR expanded",
                "when": {"fact": "expanded_on", "op": "is_set"},
            },
        ],
    },
)
