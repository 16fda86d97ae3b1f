"""Over 80% of what the tier holds: consumption against the limit, one upgrade with its price, the CSM's call."""

from __future__ import annotations

from hub.outbox.gates import Purpose
from journeys.library.base import (
    BUYER,
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
)  # fmt: skip

CALL = playbook(
    "upgrade-call", "Upgrade call", "An account is close to what its tier holds.",
    "Bring the figures: how much is used, of how much, since when",
    "Ask what drives it: more people, more work, or one heavy job",
    "Check that nothing is broken for them right now; if it is, that comes first",
    "Make one offer: the next size, its price a month, from which day",
    "If they do not want it, agree what happens at the limit, so that nobody is surprised",
    say="“At this pace you reach the limit in a few weeks. I would rather plan it with you now than have it stop"
    " somebody's work.” Name the price in the first five minutes.",
    hours=48,
)  # fmt: skip
GROWN = Proof("MRR has grown", fact="expanded_on")
# What ten more seats come to at what the account pays for one today.
PRICE = (
    "{% if facts.seats != nil and facts.mrr_minor != nil %}{% if facts.seats > 0 and facts.mrr_minor > 0 %}<p>At"
    " what you"
    " pay today, ten more seats come to about <strong>{{ facts.mrr_minor | times: 10 | divided_by: facts.seats |"
    " divided_by: 100 | round }} {{ company.currency }} a month</strong>.</p>{% endif %}{% endif %}"
)
HIGHER = (
    "{% if facts.mrr_minor != nil %}{% if facts.mrr_minor > 0 %}<p>You pay {{ facts.mrr_minor | divided_by: 100 |"
    " round }}"
    " {{ company.currency }} a month today{% if account.tier != '' %} for {{ account.tier }}{% endif %}; the next"
    " size and"
    " its price for you stand in your hub's review.</p>{% endif %}{% endif %}"
)


def _journey(key: str, name: str, trigger: str, what: str, price: str, needs: tuple[str, ...]) -> ReadyJourney:
    how, is_ = ("How many", "are") if what == "seats" else ("How much", "is")
    return ReadyJourney(
        key=key,
        name=name,
        description=f"Shows {how.lower()} of the {what} {is_} used, then the next size with its price; the CSM calls.",
        purpose=Purpose.EXPANSION,
        owner="marketing",
        stage="expansion",
        needs=needs,
        proofs={"figures": GROWN, "offer": GROWN},
        playbooks=(CALL,),
        hypothesis=hypothesis(
            "expansion", f"accounts over 80% of their {what} for two weeks",
            "share that expands within 90 days, before the journey", "+10 points", "two quarters after publishing",
            "expansion of MRR within 90 days of the signal", "the accounts of the global holdout",
        ),
        graph=graph(
            on(trigger, again=90),
            mail(
                "figures", BUYER, f"{how} of your {what} {is_} in use",
                letter(
                    "<p>{% if signal.sentence != '' %}{{ signal.sentence }}. {% endif %}Nothing stops today; this"
                    " is to let you"
                    " plan.</p>"
                    "<p>Your hub shows it week by week, with the limit drawn in.</p>",
                    HUB, "See it week by week",
                ),
                "let-it-sink", kind="programme", topic="growth",
            ),
            wait("let-it-sink", "calm", business_days=3),
            branch("calm", "An urgent ticket is open", fact("open_urgent_tickets", "gt", 0), "let-it-sink", "offer"),
            mail(
                "offer", BUYER, f"The next size of your {what}, and what it costs",
                letter(
                    f"<p>One size up gives you room for about a year at your pace.</p>{price}"
                    "<p>Look at it in your hub; one answer from you is enough and it is there.</p>",
                    HUB, "See the next size",
                ),
                "think", kind="programme", topic="growth",
            ),
            wait("think", "call", business_days=3),
            task(
                "call", f"Call {{{{ account.name }}}} about their {what}",
                "{{ signal.sentence }}. They have seen the figures and the next size. Make it one offer with one"
                " price.",
                CALL.key, "decide", days=2,
            ),
            wait("decide", "end", days=60),
            leave("end", "no expansion within 60 days of the call"),
            goal("expanded", "MRR expanded", fact("expanded_on", "is_set")),
        ),
    )  # fmt: skip


SEATS = _journey("seats-over-80", "Seats over 80%", "seats-near-limit", "seats", PRICE, ("seats", "usage"))
QUOTA = _journey("quota-over-80", "Quota over 80%", "quota-near-limit", "quota", HIGHER, ("entitlements", "usage"))
