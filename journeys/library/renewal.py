"""Renewal as a joint motion: value from the first month on, the document 90 days before, and the way back."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    BUYER,
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
    wait_date,
)  # fmt: skip

SEEN = Proof("the reader's people have come to the hub within a week", fact="days_unseen")
PREPARE = playbook(
    "renewal-document", "Value and ROI document", "A contract renews in 90 days.",
    "Collect what was reached: objectives with their figures, acknowledged by the customer where you can",
    "Set what it costs beside what it saves; leave out what you cannot prove",
    "Name what was not reached, and what you propose",
    "Send it to the sponsor 90 days before, as two pages, without an offer",
    "Talk it through before anybody talks about a price",
    say="“This is what we both wrote down a year ago, and this is what became of it. What is missing?”",
    hours=48,
)  # fmt: skip
CLOSE = playbook(
    "renewal-talk", "Renewal talk", "The document has been read.",
    "Confirm who signs, and whether somebody new has a say",
    "Ask for the budget's date and put the paper before it",
    "Make the offer: term, price, what changes",
    "Write down the risk honestly: what would make them leave",
    say="“You have read what it brought. What would have to be in it for the next year?”",
)  # fmt: skip
DOCUMENT = letter(
    "<p>Before anybody talks about a contract: here is what {{ account.name }} has reached, what it cost, and what it"
    " has not reached yet.</p>{% if objectives.size > 0 %}<ul>{% for objective in objectives limit: 5 %}<li><strong>"
    "{{ objective.title }}</strong>{% if objective.current != nil %}: {{ objective.current }} {{ objective.unit"
    " }}{% endif"
    " %}</li>{% endfor %}</ul>{% endif %}<p>If a figure looks wrong to you, say so on the page; it is yours as much as"
    " ours.</p>",
    HUB, "Read it and correct it",
)  # fmt: skip
SPONSOR_CAME = fact("days_unseen", "lte", 7, role="executive_sponsor")
HYPOTHESIS = hypothesis(
    "churn", "accounts whose contract renews", "logo retention at renewal, before the journey", "+3 points",
    "four quarters after publishing", "renewals, in logos and MRR", "renewals of the four quarters before",
)  # fmt: skip

VALUE = ReadyJourney(
    key="renewal-value",
    name="Value from month one",
    description="Builds the case for the renewal from the first month: objectives, a half-year look, the document"
    " at −90.",
    purpose=Purpose.RENEWAL,
    owner="cs",
    stage="renewal",
    needs=("contracts", "contacts"),
    proofs={"objectives": SEEN, "half-way": SEEN, "document": SEEN},
    playbooks=(PREPARE, CLOSE),
    hypothesis=HYPOTHESIS,
    graph=graph(
        on("contract-began", again=365),
        mail(
            "objectives", CHAMPION, "What should {{ account.name }} be able to show in a year?",
            letter(
                "<p>The best renewals are easy because both sides wrote down at the start what it was for. Two or three"
                " sentences are enough: what should be better, by when, and how would you see it?</p>",
                HUB, "Write down your goals",
            ),
            "first-month",
        ),
        wait("first-month", "came", business_days=10),
        branch("came", "Somebody came", fact("days_unseen", "lte", 7, role=""), "until-half", "ask"),
        task(
            "ask", "Write down with {{ account.name }} what it is for",
            "The first month of the contract is over and nobody has looked at the goals. Do it in a call.",
            "renewal-document", "until-half", days=5,
        ),
        wait_date("until-half", "half-way", "renews_on", -180, "end"),
        mail(
            "half-way", CHAMPION, "Half a year: what has it brought?",
            letter(
                "<p>Half of the contract's year is over. Your hub shows what was planned and what has become of"
                " it. Where"
                " a figure is wrong or missing, now is a good time: in half a year it will be in a document.</p>",
                HUB, "Look at the half-year",
            ),
            "two-weeks",
        ),
        wait("two-weeks", "looked", business_days=10),
        branch("looked", "Somebody looked", fact("days_unseen", "lte", 14, role=""), "until-90", "ask-half"),
        task(
            "ask-half", "Nobody at {{ account.name }} has looked at the half-year",
            "Half of the contract's year is over. Go through what was planned with the champion, in a call.",
            "renewal-document", "until-90", days=5,
        ),
        wait_date("until-90", "prepare", "renews_on", -90, "end"),
        task(
            "prepare", "Value and ROI document for {{ account.name }}",
            "90 days to the renewal. The mail with their figures goes to the sponsor in three days: check them first.",
            "renewal-document", "three-days", days=2,
        ),
        wait("three-days", "document", business_days=3),
        mail("document", SPONSOR, "What {{ account.name }} has reached in this contract", DOCUMENT, "read"),
        wait("read", "read-it", business_days=5),
        branch("read-it", "The sponsor came", SPONSOR_CAME, "talk", "take-it"),
        task(
            "take-it", "The sponsor of {{ account.name }} has not read the document",
            "Take it to them: ten minutes, their figures, their words.", "renewal-document", "talk", days=3,
        ),
        task(
            "talk", "Renewal talk with {{ account.name }}",
            "They have had the document for a week. {% if facts.renews_on != nil %}It renews on {{ facts.renews_on }}."
            "{% endif %}", "renewal-talk", "until-day", days=5,
        ),
        wait_date("until-day", "end", "renews_on", 7, "end"),
        leave(),
        goal("renewed", "Expanded at renewal", fact("expanded_on", "is_set")),
    ),
)  # fmt: skip

NINETY = ReadyJourney(
    key="renewal-90",
    name="Renewal in 90 days",
    description="For contracts that were there before: the document, the talk, and the risk said aloud.",
    purpose=Purpose.RENEWAL,
    owner="cs",
    stage="renewal",
    needs=("contracts", "contacts"),
    proofs={"document": SEEN},
    playbooks=(PREPARE, CLOSE),
    hypothesis=HYPOTHESIS,
    graph=graph(
        on("renewal-90", again=180),
        task(
            "prepare", "Value and ROI document for {{ account.name }}",
            "{{ signal.sentence }}. The mail with their figures goes to the sponsor in three days: check them first.",
            "renewal-document", "three-days", days=2,
        ),
        wait("three-days", "document", business_days=3),
        mail("document", SPONSOR, "What {{ account.name }} has reached in this contract", DOCUMENT, "read"),
        wait("read", "came", business_days=5),
        branch("came", "The sponsor came", SPONSOR_CAME, "talk", "call"),
        task(
            "call", "The sponsor of {{ account.name }} has not read the document",
            "Take it to them: ten minutes, their figures, their words.", "renewal-document", "talk", days=3,
        ),
        task(
            "talk", "Renewal talk with {{ account.name }}", "{{ signal.sentence }}. The document is there; now the"
            " talk.",
            "renewal-talk", "until-day", days=5,
        ),
        wait_date("until-day", "end", "renews_on", 7, "end"),
        leave(),
        goal("renewed", "Expanded at renewal", fact("expanded_on", "is_set")),
    ),
)  # fmt: skip

WIN_BACK = ReadyJourney(
    key="win-back",
    name="Win back",
    description="Asks a lost customer once, honestly, what would have to change; listens before it offers.",
    purpose=Purpose.WIN_BACK,
    owner="marketing",
    stage="churned",
    needs=("contracts",),
    proofs={"honest": SEEN, "changed": Proof("the account pays again", fact="mrr_minor")},
    playbooks=(
        playbook(
            "win-back-call", "Win-back call", "A former customer has looked again.",
            "Read why they left, in their own words",
            "Check that the reason is gone; if it is not, do not call",
            "Ask how they do it today, and what that costs them",
            "Offer a way back that asks for little: their data is there, the first month is theirs to judge",
            say="“You left because of one thing. It is different now. May I show you in ten minutes?”",
        ),
    ),
    hypothesis=hypothesis(
        "reactivation", "accounts that churned in the last 12 months",
        "share that returns within 12 months, before the journey", "+2 points", "four quarters after publishing",
        "reactivated MRR", "the accounts of the global holdout",
    ),
    graph=graph(
        on("stage-changed", again=365, when=fact("stage", "eq", "churned")),
        wait("quiet", "honest", days=60),
        mail(
            "honest", BUYER, "What would have had to be different?",
            letter(
                "<p>You left {{ company.name }} two months ago. This is not an offer. I would like to know the one"
                " thing"
                " that would have had to be different, because others will have the same trouble.</p>"
                "<p>Your hub still has everything that you built. Look at it whenever you like.</p>",
                HUB, "Look at what you built",
            ),
            "season", kind="programme", topic="newsletter",
        ),
        wait("season", "came", days=14),
        branch("came", "Somebody came", fact("days_unseen", "lte", 14, role=""), "call", "until-news"),
        task(
            "call", "{{ account.name }} has looked again: call them",
            "They left two months ago and have been in their hub since the mail.", "win-back-call", "until-news",
            days=3,
        ),
        wait("until-news", "changed", days=90),
        mail(
            "changed", BUYER, "What has changed since you left",
            letter(
                "<p>It has been a while. What we have changed since then stands in your hub, beside what you had. If it"
                " fits now, you can begin where you stopped.</p>",
                HUB, "See what has changed",
            ),
            "last", kind="programme", topic="newsletter",
        ),
        wait("last", "end", days=60),
        leave(),
        goal("back", "Pays again", fact("mrr_minor", "gt", 0)),
    ),
)  # fmt: skip
