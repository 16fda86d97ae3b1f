"""When customers are pleased: thank a promoter, follow up proven value, ask an advocate."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    CHAMPION,
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
    on,
    playbook,
    task,
    wait,
    wait_for,
)  # fmt: skip

GIVER = {"roles": ["signal_contact", "champion", "admin"], "fallback": "any_contact"}
SHOWN = Proof("a review or a referral is there", signal="advocacy-shown")
CAME = Proof("somebody has come to the hub within a week", fact="days_unseen")

PROMOTER = ReadyJourney(
    key="promoter",
    name="Positive sentiment",
    description="Thanks first, asks for the story second, and only then talks about more.",
    purpose=Purpose.ADVOCACY,
    owner="marketing",
    stage="advocacy",
    needs=("surveys",),
    proofs={"thanks": CAME, "story": SHOWN},
    playbooks=(
        playbook(
            "collect-story", "Collect a story", "A customer is pleased and says so.",
            "Thank in person, and ask what exactly was good",
            "Ask for the story in three parts: before, what changed, the figure",
            "Write it yourself and send it for one look; nobody has time to write",
            "Agree where it may be shown, and with which name",
            say="“You gave us a nine. What would you tell a colleague who asks whether it is worth it?”",
        ),
    ),
    hypothesis=hypothesis(
        "expansion", "accounts with an NPS promoter", "share whose MRR grows within 180 days, before the journey",
        "+3 points", "three quarters after publishing", "stories collected, and expansion within 180 days",
        "the accounts of the global holdout",
    ),
    graph=graph(
        on("nps-promoter", again=180),
        mail(
            "thanks", GIVER, "Thank you",
            letter(
                "<p>You would recommend us. That is the best thing a customer can say, and it goes to the people who"
                " built it.</p><p>What is coming next stands in your hub, before it stands anywhere else.</p>",
                HUB, "See what is coming",
            ),
            "breath", kind="relationship",
        ),
        wait("breath", "looked", business_days=2),
        branch("looked", "They have looked", fact("days_unseen", "lte", 4, role=""), "story", "later"),
        wait("later", "story", business_days=3),
        mail(
            "story", GIVER, "Would you tell it in three sentences?",
            letter(
                "<p>What was it like before, what is different now, and what does it bring? Three sentences help"
                " somebody who stands where you stood. A short review is enough; we never publish a name without asking"
                " again.</p>",
                HUB, "Tell it in three sentences",
            ),
            "shown", kind="programme", topic="advocacy",
        ),
        wait_for("shown", "advocacy-shown", "ready", "person", business_days=10),
        task(
            "person", "Collect the story of {{ account.name }}",
            "{{ signal.sentence }}. They were thanked and asked; most people tell it rather than write it.",
            "collect-story", "ready", days=5,
        ),
        branch("ready", "Ready for more", fact("expansion_ready_seat", "eq", True), "more", "end"),
        task(
            "more", "{{ account.name }} is pleased and ready for more seats",
            "Their story comes first. When it is told, ask who else in the house should have it.", "collect-story",
            "watch", days=5,
        ),
        wait("watch", "end", days=60),
        leave(),
        goal("expanded", "MRR expanded", fact("expanded_on", "is_set")),
    ),
)  # fmt: skip

FOLLOW_UP = ReadyJourney(
    key="qbr-follow-up",
    name="QBR follow-up",
    description="Keeps what a review has proved alive: the recap the same day, the next steps ticked, the value"
    " told on.",
    purpose=Purpose.QBR_FOLLOW_UP,
    owner="cs",
    stage="value",
    needs=("qbrs",),
    proofs={"recap": CAME},
    playbooks=(
        playbook(
            "after-review", "After the review", "A review has shown value.",
            "Send the recap within a day: what was shown, what was decided, who does what by when",
            "Put each next step into the review with a name and a date",
            "Ask for the acknowledgement of the value, with one click in the hub",
            "Ask who was not there and should see it",
            say="“You said that it saved you a day a month. May we write that down as yours?”",
            hours=24,
        ),
    ),
    hypothesis=hypothesis(
        "churn", "accounts with proven value in their review",
        "share of next steps done within 30 days, before the journey", "+20 points", "two quarters after publishing",
        "next steps done within 30 days, and logo retention", "reviews of the two quarters before",
    ),
    graph=graph(
        on("qbr-value", again=60),
        task(
            "after", "Follow up the review with {{ account.name }}",
            "From the review: “{{ signal.text }}”. The recap goes out today, the next steps get names.", "after-review",
            "day", days=1,
        ),
        wait("day", "recap", business_days=1),
        mail(
            "recap", CHAMPION, "What we showed, and what comes next",
            letter(
                "<p>Thank you for the review. What it showed and what we agreed on stands in your hub, each step with a"
                " name and a date.</p><p>If you agree with the value as we wrote it down, say so there: it is what the"
                " next year is planned from.</p>",
                HUB, "See the next steps",
            ),
            "week", kind="service",
        ),
        wait("week", "came", business_days=5),
        branch("came", "Somebody came", fact("days_unseen", "lte", 7, role=""), "watch", "call"),
        task(
            "call", "Nobody at {{ account.name }} has opened the next steps",
            "Call the champion: which of the steps still matters, and what has moved?", "after-review", "watch", days=2,
        ),
        wait("watch", "end", days=30),
        leave(),
        goal("expanded", "MRR expanded", fact("expanded_on", "is_set")),
    ),
)  # fmt: skip

ASK = ReadyJourney(
    key="advocacy-ask",
    name="Advocacy ask",
    description="Asks for one small thing within two days of a peak, and thanks whatever the answer is.",
    purpose=Purpose.ADVOCACY,
    owner="marketing",
    stage="advocacy",
    needs=("surveys", "contacts"),
    proofs={"why-you": SHOWN},
    playbooks=(
        playbook(
            "thank-advocate", "Thank an advocate", "Somebody has spoken for you.",
            "Thank the same day, by name, and say who has read it",
            "Give back: early access, a meeting with those who build it, a seat at the table; never money",
            "Note what they said yes and no to, so that nobody asks again too soon",
            say="“Three people have written to me because of what you said.”",
        ),
    ),
    hypothesis=hypothesis(
        "expansion", "accounts with high CSAT", "reviews and references a quarter, before the journey", "+50%",
        "two quarters after publishing", "reviews and references given, and retention of advocates",
        "accounts with the same CSAT that were not asked",
    ),
    graph=graph(
        on("csat-high", again=180),
        mail(
            "why-you", CHAMPION, "A small thing that helps others choose",
            letter(
                "<p>You are satisfied, and others who stand before the same choice ask us how it really is. A short"
                " review from somebody who uses it every day tells them more than anything we write.</p><p>In your hub"
                " stands what we would ask you for. “Not now” is a good answer, too.</p>",
                HUB, "See what it is about",
            ),
            "ask", kind="programme", topic="advocacy",
        ),
        {
            "id": "ask", "kind": "ask_advocate", "ask": "review", "role": "champion",
            "text": "Would you write two or three sentences about your work with {{ company.name }}?", "next": "answer",
        },
        wait_for("answer", "advocacy-shown", "thank", "end", days=21),
        task(
            "thank", "Thank {{ account.name }} for speaking for us",
            "They have written a review or referred somebody. Thank today, and give something back.", "thank-advocate",
            "end", days=1,
        ),
        leave(),
        goal("spoke", "Spoke for us", fact("community_activities", "gte", 1, activity="review", days=30)),
    ),
)  # fmt: skip
