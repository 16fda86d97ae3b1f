"""When trust is at stake: after an escalation, and when a competitor is named."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    CHAMPION,
    HUB,
    SPONSOR,
    Proof,
    ReadyJourney,
    branch,
    fact,
    goal,
    graph,
    hypothesis,
    leave,
    letter,
    mail,
    on,
    playbook,
    task,
    wait,
)  # fmt: skip

ESCALATION = ReadyJourney(
    key="escalation",
    name="After an escalation",
    description="Waits until the trouble is over, asks whether it is, offers a call, and writes down what was learnt.",
    purpose=Purpose.SAVE,
    owner="cs",
    stage="value",
    needs=("tickets",),
    proofs={"closing": Proof("somebody has come to the hub within a week", fact="days_unseen")},
    playbooks=(
        playbook(
            "after-escalation", "After an escalation", "A ticket was escalated and is solved.",
            "Read the whole ticket, from their first line on",
            "Call who was hit, not who reported it: what did it cost them?",
            "Say what was wrong, what is different now, and what you will watch",
            "Write the cause and what was promised into the notes of the account",
            "Tell the product team what would have prevented it",
            say="“Is it over for you, too?” Then be silent. No word of anything to buy for a month.",
            hours=24,
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts with an escalated ticket", "share that churns within 180 days, before the journey",
        "−3 points", "three quarters after publishing", "CSAT after the escalation, and churn within 180 days",
        "accounts with an escalation in the three quarters before",
    ),
    graph=graph(
        on("ticket-escalated", again=30),
        wait("day", "over", business_days=1),
        branch("over", "It is still open", fact("open_urgent_tickets", "gt", 0), "day", "closing"),
        mail(
            "closing", CHAMPION, "Is it over for you, too?",
            letter(
                "<p>What your team had to put up with in the last days is solved on our side. That does not mean"
                " that it"
                " is for you.</p><p>What happened, what we changed and what is still open stands in your hub. If a"
                " call is"
                " easier, answer with a time and I will be there.</p>",
                HUB, "See what we changed",
            ),
            "ask", kind="service",
        ),
        {
            "id": "ask", "kind": "survey", "survey": "csat", "class": "service", "to": dict(CHAMPION),
            "question": "How satisfied are you with how we solved it?", "next": "answer",
        },
        {
            "id": "answer", "kind": "wait_any", "scope": "entry",
            "arms": [
                {"label": "satisfied", "signal": "csat-high", "next": "document"},
                {"label": "not satisfied", "signal": "csat-low", "next": "call"},
            ],
            "timeout": {"business_days": 5, "at": "09:00"}, "on_timeout": "came",
        },
        branch("came", "Somebody came to look", fact("days_unseen", "lte", 7, role=""), "document", "call"),
        task(
            "call", "Call {{ account.name }} about the escalation",
            "{{ signal.sentence }}. It is solved, and they are not satisfied or have not said a word.",
            "after-escalation", "document", days=1,
        ),
        {
            "id": "document", "kind": "update_qbr", "block": "narrative",
            "text": "An escalation was solved: {{ signal.sentence }}. Ask in the review whether it stayed solved.",
            "next": "watch",
        },
        wait("watch", "end", days=14),
        leave(),
        goal("satisfied", "Satisfied again", fact("csat_90d", "gte", 4.5)),
    ),
)  # fmt: skip

COMPETITIVE = ReadyJourney(
    key="competitive",
    name="Competitor named",
    description="An emergency value review with the people who decide, before the comparison is written without you.",
    purpose=Purpose.SAVE,
    owner="cs",
    stage="renewal",
    needs=("contacts", "texts"),
    proofs={"review": Proof("the sponsor has come to the hub within a week", fact="days_unseen")},
    playbooks=(
        playbook(
            "value-review", "Emergency value review", "A competitor is being looked at.",
            "Find out who compares, with whom, by when, and what started it",
            "Bring your own executive in; theirs will be in the room",
            "Show what they have reached, in their figures, and let them correct them",
            "Open what is coming to them early, where it answers the reason they look around",
            "Say honestly what the other one does better, and what leaving would cost",
            "Agree on what has to be true by when for them to stay",
            say="“I hear that you are comparing. That is right to do. Let me make sure that you compare with what you"
            " have, not with what you were sold.”",
            hours=8,
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts that name a competitor or leaving",
        "share that churns within 180 days, before the journey", "−10 points", "three quarters after publishing",
        "churn within 180 days of the signal", "accounts with such words in the three quarters before",
    ),
    graph=graph(
        on("competitor-named", again=90),
        task(
            "find-out", "{{ account.name }} is looking around: find out who, and why",
            "{{ signal.sentence }}. Begin today; a comparison that is written without you is lost.", "value-review",
            "review", days=1, hours=8,
        ),
        mail(
            "review", SPONSOR, "What {{ account.name }} has reached, in half an hour",
            letter(
                "<p>I would like to go through what your team has reached with {{ company.name }} and what it has not,"
                " with somebody from our management in the room.</p>"
                "{% if objectives.size > 0 %}<p>We would begin with what you set out to do:</p><ul>{% for objective in"
                " objectives limit: 3 %}<li>{{ objective.title }}</li>{% endfor %}</ul>{% endif %}"
                "<p>Have a look at the figures first; if one of them is wrong, I want to know it before we meet.</p>",
                HUB, "Look at the figures",
            ),
            "came",
        ),
        wait("came", "seen", business_days=3),
        branch(
            "seen", "The sponsor came", fact("days_unseen", "lte", 7, role="executive_sponsor"), "hold", "escalate"
        ),
        task(
            "escalate", "Bring our executive to {{ account.name }}",
            "The sponsor has not looked at the figures. A call from executive to executive, this week.", "value-review",
            "hold", days=2, hours=24,
        ),
        wait("hold", "end", days=60),
        leave("end", "still undecided after two months"),
        goal(
            "stays", "Stays and says so",
            {"all": [fact("theme_mentions", "eq", 0, theme="leaving", days=60), fact("nps_latest", "gte", 7)]},
        ),
    ),
)  # fmt: skip
