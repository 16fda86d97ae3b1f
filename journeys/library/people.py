"""People at the account: the champion leaves, or there is none."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    SPONSOR,
    WRITE,
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
    note,
    on,
    playbook,
    task,
    wait,
)  # fmt: skip

HAS_ONE = fact("people", "gte", 1, role="champion")
NAMED = Proof("somebody holds the role of champion", fact="people")
ANYBODY = {"roles": ["champion", "admin", "user"], "fallback": "any_contact"}

DEPARTED = ReadyJourney(
    key="champion-departed",
    name="Champion departed",
    description="The replacement is met within five business days, taken in properly, and the sponsor is still intact.",
    purpose=Purpose.CHAMPION_SUCCESSION,
    owner="cs",
    stage="value",
    needs=("contacts",),
    proofs={"sponsor": NAMED, "session": Proof("the new champion has come to the hub", fact="days_unseen")},
    playbooks=(
        playbook(
            "meet-replacement", "Meet the replacement", "The champion has left.",
            "Find out today who takes over: ask the sponsor, the admin, and the one who left",
            "Meet the replacement within five business days",
            "Ask what they have inherited, what they would do differently, and what they are measured by",
            "Give them the role champion in the record",
            "Check that the executive sponsor is still there and knows you",
            "Look where the one who left has gone: they know the product",
            say="“You have inherited us, so judge us by what you need. What would make the first quarter a good one for"
            " you?” Do not begin with what was agreed before their time.",
            hours=24,
        ),
        playbook(
            "re-onboard", "Re-onboarding session", "A new champion takes over a running account.",
            "Show what runs today, in their own data, in half an hour",
            "Go through the objectives: keep, change or drop each of them",
            "Give them the three people at your side and how to reach them",
            "Agree on the next review, with them as its owner",
            say="“What did you use before, and what did you like about it?”",
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts whose champion leaves", "share that churns within 12 months, before the journey",
        "−8 points", "four quarters after publishing",
        "replacement met within 5 business days, and churn within 12 months",
        "accounts whose champion left in the four quarters before",
    ),
    graph=graph(
        on("champion-departed"),
        task(
            "meet", "Meet who takes over at {{ account.name }}",
            "{{ signal.sentence }}. The replacement is met within five business days; each week later costs trust.",
            "meet-replacement", "intact", days=5, hours=24,
        ),
        branch(
            "intact", "The sponsor is there", fact("people", "gte", 1, role="executive_sponsor"), "sponsor", "wait-week"
        ),
        mail(
            "sponsor", SPONSOR, "Who looks after {{ company.name }} at {{ account.name }} now?",
            letter(
                "<p>Your colleague who looked after our work together has moved on. I would like to make the hand-over"
                " easy for whoever comes next: half an hour, and everything that runs today explained.</p>"
                "<p>Who is it going to be?</p>",
                WRITE, "Tell me who it is",
            ),
            "wait-week",
        ),
        wait("wait-week", "found", business_days=5),
        branch("found", "There is a champion again", HAS_ONE, "session", "risk"),
        note(
            "session", ANYBODY, "Half an hour to take over well",
            "<p>You have taken over a running account. Everything that runs today, what was agreed and who to ask is in"
            " one place.</p><h2><a href=\"{{ hub_url }}\">See what you have taken over</a></h2>",
            "came",
        ),
        wait("came", "again", business_days=5),
        task(
            "again", "Re-onboard the new champion at {{ account.name }}",
            "There is somebody new. Treat them as a new customer who has inherited an old plan.", "re-onboard", "watch",
            days=5,
        ),
        task(
            "risk", "{{ account.name }} has had no champion for a week",
            "The replacement has not been named. Go to the executive sponsor and put the renewal on the list of risks.",
            "meet-replacement", "watch", days=1, hours=24,
        ),
        wait("watch", "end", days=30),
        leave(),
        goal(
            "settled", "A champion who comes",
            {"all": [HAS_ONE, fact("days_unseen", "lte", 3, role="champion")]},
        ),
    ),
)  # fmt: skip

MISSING = ReadyJourney(
    key="champion-missing",
    name="No champion",
    description="Finds somebody who speaks for the product at an account where nobody does.",
    purpose=Purpose.CHAMPION_SUCCESSION,
    owner="cs",
    stage="adoption",
    needs=("contacts",),
    proofs={"who": NAMED},
    playbooks=(
        playbook(
            "find-champion", "Find a champion", "Nobody at the account speaks for the product.",
            "Look who is there most often, and who answers surveys and tickets",
            "Ask two of them what would be missing if the product were gone tomorrow",
            "Give the one with an answer something to show: a figure, a page, a meeting with their lead",
            "Give them the role champion in the record, and their lead the role sponsor",
            say="“If we were gone tomorrow, who would notice first?”",
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts without a champion", "share renewed, before the journey", "+5 points",
        "four quarters after publishing", "renewals with and without a champion",
        "accounts without a champion in the four quarters before",
    ),
    graph=graph(
        on("champion-missing", again=90),
        mail(
            "who", {"roles": ["admin", "decision_maker", "user"], "fallback": "any_contact"},
            "Who should hear first when something new helps you?",
            letter(
                "<p>I would like to send what is new to the one person at {{ account.name }} who can use it most,"
                " instead of to everybody.</p><p>Is that you? Or somebody next to you?</p>",
                WRITE, "Say who it is",
            ),
            "week",
        ),
        wait("week", "look", business_days=5),
        task(
            "look", "Find a champion at {{ account.name }}",
            "{{ signal.sentence }}. A mail has asked. Look who is there most often and talk with two of them.",
            "find-champion", "watch", days=5,
        ),
        wait("watch", "end", days=30),
        leave("end", "nobody found within a month"),
        goal("found", "There is a champion", HAS_ONE),
    ),
)  # fmt: skip
