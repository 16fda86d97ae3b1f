"""Adoption: features that nobody has tried, a new use case, a team that grows."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    BUYER,
    CHAMPION,
    DOER,
    HUB,
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
    wait_for,
)  # fmt: skip

TRIED = Proof("something is used for the first time", signal="use-case-new")
EXPANDED = goal("expanded", "MRR expanded", fact("expanded_on", "is_set"))

FEATURES = ReadyJourney(
    key="adoption",
    name="Feature not adopted",
    description="Brings one more feature, and only one, to an account that uses few of them by day 45.",
    purpose=Purpose.ADOPTION,
    owner="marketing",
    stage="adoption",
    needs=("usage",),
    proofs={"one-more": TRIED, "short": TRIED},
    playbooks=(
        playbook(
            "adoption-session", "Adoption session", "An account uses little of what it pays for.",
            "Look at what they use every week, and at what teams like theirs use beside it",
            "Choose one feature that saves them time on a task they have today",
            "Show it in twenty minutes with their own data, to the people who will use it",
            "Leave them with something that runs, and look again a week later",
            say="“Show me what you did this morning before you opened the product.” The task they tell you is the"
            " one to"
            " begin with.",
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts with fewer than five kinds of use by day 45",
        "share of such accounts that churn within 12 months, before the journey", "−4 points",
        "four quarters after publishing", "different events used in 45 days, and churn within 12 months",
        "the accounts of the global holdout",
    ),
    graph=graph(
        on("adoption-narrow-day-45", again=180),
        mail(
            "one-more", DOER, "One thing that most teams add in their second month",
            letter(
                "<p>{{ account.name }} has its first routine with {{ company.name }}. The step that helps most"
                " teams now"
                " is a small one: let the product do one task that you still do by hand.</p>"
                "<p>Pick the one that comes back every week. Your hub shows what is there for it.</p>",
                HUB, "Find your next task",
            ),
            "first", kind="programme",
        ),
        wait_for("first", "use-case-new", "end", "short", business_days=7),
        note(
            "short", DOER, "Ten minutes, one task less",
            "<p>Choose a task that comes back every week and try it once with what you have.</p>"
            "<h2><a href=\"{{ hub_url }}\">See what you can try</a></h2>",
            "second",
        ),
        wait_for("second", "use-case-new", "end", "session", business_days=7),
        task(
            "session", "Adoption session with {{ account.name }}",
            "{{ signal.sentence }}. Two messages have not changed it. Show one feature, with their data, to those who"
            " would use it.", "adoption-session", "watch", days=5,
        ),
        wait("watch", "end", days=30),
        leave("end"),
        goal("wider", "Uses more", fact("events_used", "gte", 5, days=45)),
    ),
)  # fmt: skip

USE_CASE = ReadyJourney(
    key="use-case-new",
    name="New use case",
    description="Acknowledges a new use, helps it to stick, and carries it to the next team.",
    purpose=Purpose.ADOPTION,
    owner="marketing",
    stage="value",
    needs=("usage",),
    proofs={
        "noticed": Proof("they have come to the hub within a week", fact="days_unseen"),
        "others": Proof("more people use the product", signal="team-growth"),
    },
    playbooks=(
        playbook(
            "spread-use-case", "Carry a use case to the next team", "A team has begun something new.",
            "Find out who began it and what for",
            "Ask what it should bring, and write it down as an objective",
            "Ask who else has the same task, and for an introduction",
            "Show the second team what the first one has, with the first one in the room",
            say="“What made you try it? And who else in the house would want to know?”",
        ),
    ),
    hypothesis=hypothesis(
        "expansion", "accounts with a new use case", "share whose MRR grows within 180 days, before the journey",
        "+4 points", "three quarters after publishing", "expansion of MRR within 180 days of the first use",
        "the accounts of the global holdout",
    ),
    graph=graph(
        on("use-case-new", again=60),
        mail(
            "noticed", CHAMPION, "You have begun something new",
            letter(
                "<p>Your team has begun to use {{ company.name }} for something new. That is usually the moment when a"
                " few good defaults save a lot of time later.</p><p>We have put what helps at this point into your"
                " hub.</p>",
                HUB, "Look at what helps now",
            ),
            "settle", kind="programme",
        ),
        wait("settle", "came", business_days=5),
        branch(
            "came", "Somebody came", fact("days_unseen", "lte", 7, role=""), "others", "talk",
        ),
        mail(
            "others", CHAMPION, "Who else in {{ account.name }} has this task?",
            letter(
                "<p>What works for one team often fits the one next door. The easiest way: forward your hub to one"
                " colleague who has the same task, and let them look for themselves.</p>",
                HUB, "Open the page to share",
            ),
            "grows", kind="programme", topic="growth",
        ),
        wait_for("grows", "team-growth", "talk", "talk", days=21),
        task(
            "talk", "Carry the new use at {{ account.name }} to the next team",
            "{{ signal.sentence }}. Ask what it is to bring, and who else has the same task.", "spread-use-case",
            "watch", days=5,
        ),
        wait("watch", "end", days=60),
        leave(),
        EXPANDED,
    ),
)  # fmt: skip

TEAM = ReadyJourney(
    key="team-growth",
    name="Team growth",
    description="Congratulates a growing team, takes its new people along, and talks about prices for more of them.",
    purpose=Purpose.EXPANSION,
    owner="marketing",
    stage="expansion",
    needs=("usage", "contracts"),
    proofs={
        "welcome": Proof("somebody has come to the hub within a week", fact="days_unseen"),
        "volume": Proof("MRR has grown", fact="expanded_on"),
    },
    playbooks=(
        playbook(
            "volume-offer", "Offer a price for more people", "A team grows faster than its contract.",
            "Count who is active now, who was in the spring, and what the contract holds",
            "Check that no ticket is open that should come first",
            "Ask how many people they plan with by the next renewal",
            "Make one offer with one price, valid for a date",
            say="“Your team has grown. Shall we put the people you will have by autumn into one price now, so that"
            " nobody"
            " has to ask again?”",
        ),
    ),
    hypothesis=hypothesis(
        "expansion", "accounts whose active users grow by a fifth in four weeks",
        "share that buys seats within 90 days, before the journey", "+6 points", "two quarters after publishing",
        "seat expansion within 90 days of the signal", "the accounts of the global holdout",
    ),
    graph=graph(
        on("team-growth", again=90),
        note(
            "welcome", DOER, "Your team is growing. Welcome, everybody",
            "<p>New colleagues find in this hub what they need on their first day. Send them the address.</p>"
            "<h2><a href=\"{{ hub_url }}\">Open the first-day page</a></h2>",
            "settle",
        ),
        wait("settle", "came", business_days=5),
        branch("came", "Somebody came", fact("days_unseen", "lte", 7, role=""), "volume", "talk"),
        mail(
            "volume", BUYER, "More people at {{ account.name }}, one price",
            letter(
                "<p>Your team uses {{ company.name }} with more people than a month ago. From a certain size on a price"
                " for all of them is lower for each.</p><p>Your hub shows who is active, so that you can plan with"
                " figures instead of guesses.</p>",
                HUB, "See who is active",
            ),
            "think", kind="programme", topic="growth",
        ),
        wait("think", "talk", business_days=4),
        task(
            "talk", "Talk with {{ account.name }} about a price for more people",
            "{{ signal.sentence }}. Plan with them until the next renewal and make one offer.", "volume-offer",
            "decide", days=3,
        ),
        wait("decide", "end", days=60),
        leave("end", "no seats bought within 60 days of the talk"),
        EXPANDED,
    ),
)  # fmt: skip
