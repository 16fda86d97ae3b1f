"""Onboarding beside the milestones: who stands still, and who is faster than planned."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    CHAMPION,
    HUB,
    PLAN,
    Proof,
    ReadyJourney,
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
    wait_for,
)  # fmt: skip

ACTIVATED = goal("activated", "Activated", fact("activated_on", "is_set"))
REACHED = Proof("the next milestone is reached", signal="milestone-reached")

STALLED = ReadyJourney(
    key="onboarding-stalled",
    name="Onboarding stalled",
    description="Makes the next step small for an account that has stopped, then lets the CSM clear what is in the"
    " way.",
    purpose=Purpose.ONBOARDING,
    owner="cs",
    stage="onboarding",
    needs=("plans",),
    proofs={"small-step": REACHED, "reminder": REACHED},
    playbooks=(
        playbook(
            "unblock-onboarding", "Unblock an onboarding", "An account has stopped before it went live.",
            "Look at the plan: which step is next, and who was to do it",
            "Call the champion; if nobody answers in a day, the person who signed",
            "Ask what is in the way: time, data, a colleague, or a doubt whether it pays",
            "Agree on one step, one name and one date, and write them into the plan",
            "Offer to do the step together, on the phone, this week",
            say="“I have the plan before me. The next step takes most teams twenty minutes. What would make it possible"
            " this week?” Do not ask why nothing has happened; ask what would help.",
            hours=24,
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts that stop for two weeks before they are activated",
        "share of such accounts activated within 60 days of signing up, before the journey", "+15 points",
        "two quarters after publishing", "activation within 60 days of signing up",
        "accounts that stalled in the two quarters before",
    ),
    graph=graph(
        on("onboarding-stalled", again=30),
        mail(
            "small-step", CHAMPION,
            "{% if milestones.next != '' %}{{ milestones.next }}: twenty minutes, together{% else %}Your next step,"
            " together{% endif %}",
            letter(
                "<p>{% if milestones.next != '' %}Next in your plan is <strong>{{ milestones.next }}</strong>."
                " {{ milestones.next_description }}{% else %}Your plan shows what comes next.{% endif %}</p>"
                "<p>Most teams do it in one sitting. You need not prepare anything.</p>",
                PLAN, "Do the next step",
                "<p>If something is in the way, answer this mail with a line and we will clear it.</p>",
            ),
            "first", kind="service", topic="onboarding",
        ),
        wait_for("first", "milestone-reached", "end", "reminder", business_days=3),
        note(
            "reminder", CHAMPION, "Next up: {{ milestones.next | default: 'your plan' }}",
            "<p>{{ milestones.done }} of {{ milestones.total }} steps are done.</p>" + "<h2><a href=\"{{ plan_url }}\">"
            "Open the plan</a></h2>",
            "call", kind="service", topic="onboarding",
        ),
        task(
            "call", "{{ account.name }} has stopped{% if milestones.next != '' %} before “{{ milestones.next }}”{%"
            " endif %}",
            "{{ signal.sentence }}. {{ milestones.done }} of {{ milestones.total }} milestones are done. They had"
            " a mail"
            " and a message; now they need a person.", "unblock-onboarding", "after", days=2,
        ),
        wait_for("after", "milestone-reached", "end", "lost", business_days=10),
        leave("lost", "no milestone within two weeks of the call"),
        leave(),
        ACTIVATED,
    ),
)  # fmt: skip

FAST = ReadyJourney(
    key="onboarding-fast",
    name="Fast mover",
    description="Keeps the pace of an account that went live early: shows what comes after, and sets its first goals.",
    purpose=Purpose.ADOPTION,
    owner="cs",
    stage="onboarding",
    needs=("plans", "usage"),
    proofs={"ahead": Proof("something is used for the first time", signal="use-case-new")},
    playbooks=(
        playbook(
            "set-first-goals", "Set the first goals", "An account is live and wants more.",
            "Congratulate by name: who did what, and how fast",
            "Ask which result they would show to their own management in three months",
            "Write down two or three objectives with a measure, today's value, a target and a date",
            "Plan the first review on that date",
            say="“You are live in half the time we planned. What do you want to be able to show in three months?”",
        ),
    ),
    hypothesis=hypothesis(
        "expansion", "accounts activated within 14 days of signing up",
        "share of such accounts whose MRR grows within 180 days, before the journey", "+5 points",
        "three quarters after publishing", "expansion of MRR within 180 days of activation",
        "fast movers of the three quarters before",
    ),
    graph=graph(
        on("onboarding-fast", again=365),
        mail(
            "ahead", CHAMPION, "{{ account.name }} is ahead of the plan",
            letter(
                "<p>You are up and running earlier than most. Thank you for the pace.</p><p>Teams that begin like this"
                " usually go on with one more task that they do every week. Your hub shows what you use today and what"
                " lies next to it.</p>",
                HUB, "See what comes next",
            ),
            "look",
        ),
        wait_for("look", "use-case-new", "goals", "goals", business_days=5),
        task(
            "goals", "{{ account.name }} is ahead: agree on goals for the first quarter",
            "{{ signal.sentence }}. Do not let the pace go to waste: set goals while they are proud of it.",
            "set-first-goals", "see", days=3,
        ),
        wait_for("see", "use-case-new", "end", "end", days=60),
        leave(),
        goal("expanded", "MRR expanded", fact("expanded_on", "is_set")),
    ),
)  # fmt: skip
