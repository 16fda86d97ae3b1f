"""The themes that ship, and the phrases that tell them. A tenant changes them in Set-up → Themes."""

from __future__ import annotations

from typing import Final

from hub.feedback.text.themes import Theme, phrases_of

_LINES: Final[tuple[tuple[str, str, str], ...]] = (
    ("bug", "Bugs", "bug*, error*, crash*, broken, does not work, doesn't work, not working, stopped working, fails, "
     "failed, failing, exception, glitch*, wrong result*, incorrect*, freezes, frozen, data loss, lost data, "
     "regression, white screen, blank page, defect*"),
    ("performance", "Performance", "slow*, latency, lag*, timeout*, times out, timed out, time out, takes too long, "
     "takes forever, loading time*, load time*, hangs, performance, downtime, outage*, unavailable, sluggish, "
     "spinning"),
    ("billing", "Billing", "invoice*, billing, billed, overcharge*, charged, double charge*, refund*, payment*, "
     "credit card, credit note*, receipt*, vat, purchase order*, tax number"),
    ("onboarding", "Onboarding and training", "onboarding, training*, tutorial*, getting started, get started, set up, "
     "setup, documentation, webinar*, learn how, how do i, how do we, how to, implementation, kick-off, kickoff, "
     "roll out, rollout, walkthrough, learning curve"),
    ("integrations", "Integrations", "integration*, integrate*, api, apis, webhook*, connector*, salesforce, hubspot, "
     "slack, zapier, teams integration, sync*, import from, sso with, plugin*, plug-in*, zendesk, jira"),
    ("missing_feature", "Missing features", "feature request*, missing feature*, would be great if, would be nice, "
     "wish there was, wish it, wish you, please add, can you add, could you add, no way to, not possible to, "
     "not supported, doesn't support, does not support, lacks, lacking, need the ability, roadmap, would love to see, "
     "would love to have, it would help if"),
    ("usability", "Usability", "confus*, hard to use, hard to find, difficult to use, easy to use, ease of use, "
     "usability, user interface, ui, ux, unintuitive, intuitive, clunky, cumbersome, too many clicks, navigation, "
     "layout, can't find, cannot find, complicated, user friendly, user-friendly"),
    ("support", "Support quality", "support team, customer support, customer service, your support, support is, "
     "support was, support has, support agent*, response time*, no response, no reply, never replied, still waiting, "
     "nobody answers, no one answers, helpdesk, unanswered, escalat*, csm, account manager, quick reply"),
    ("security", "Security and export", "security, gdpr, dpa, soc 2, iso 27001, penetration test*, data breach*, "
     "breach, "
     "encrypt*, sso, saml, two-factor, 2fa, audit log*, data protection, privacy, export our data, export all, "
     "data export*, export of our data, download our data, delete our data, permissions, access rights"),
    ("pricing", "Pricing", "price*, pricing, expensive, overpriced, too costly, discount*, cheaper, budget*, "
     "cost too much, costs too much, value for money, price increase*, licence fee*, license fee*, worth the money, "
     "per seat, upgrade cost*"),
    ("leaving", "Competitor and leaving", "competitor*, alternative*, switch to, switching to, switched to, "
     "moving to another, move to another, cancel*, not renew, won't renew, non-renewal, terminate*, leave you, "
     "leaving you, evaluating other*, looking at other*, looking elsewhere, rfp, end our contract, migrate away"),
)  # fmt: skip

SHIPPED: Final[tuple[Theme, ...]] = tuple(
    Theme(key, title, phrases_of(phrases.split(","))) for key, title, phrases in _LINES
)
