"""Reason codes in words. Every message, step and decision that did not happen carries one of these."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "no_consent": "the contact has not agreed to this topic",
    "quiet_hours": "it is quiet time where the contact is",
    "capped": "the contact has had enough messages this week",
    "capped:account": "the account has had enough messages this week",
    "no_contact_for_role": "nobody at the account has the role",
    "goal_met": "the goal was reached first",
    "not_needed": "the goal was reached before it began",
    "holdout": "the account is in the holdout",
    "exit_rule": "the journey's exit rule became true",
    "journey_changed": "its place is gone from the new version",
    "removed": "somebody took the account out",
    "paused": "the journey is paused",
    "stopped": "somebody has stopped all sending",
    "stopped:journey": "somebody has stopped what this journey sends",
    "stopped:complaints": "sending stopped by itself: too many complaints",
    "stopped:bounces": "sending stopped by itself: too many dead addresses",
    "blast": "too many contacts at once; a person decides",
    "expired": "it waited longer than allowed",
    "late": "it came up far past its time",
    "timeout": "what it waited for did not come",
    "retry": "the provider asked to try again",
    "attempts": "five attempts failed",
    "retry:429": "the provider asks to slow down; it is tried again",
    "retry:4xx": "the mail server asked to try again",
    "retry:5xx": "the provider has an error of its own; it is tried again",
    "retry:timeout": "the provider did not answer in time; it is tried again under the same key",
    "retry:reset": "the connection broke; it is tried again under the same key",
    "refused": "the provider refused it",
    "bad_letter": "the address, or a line above the message, is not one that mail can have",
    "bounced": "the address takes no mail",
    "channel_down": "the provider cannot be reached; nothing was sent",
    "channel_down:dns": "the name of the mail server is not known; nothing was sent",
    "lease_expired": "the worker died during the call; it may have arrived",
    "no_answer": "the connection broke during the call; it may have arrived",
    "no_answer:timeout": "the mail server did not answer in time; it may have arrived",
    "resolved:arrived": "somebody found that it arrived",
    "resolved:resend": "somebody had it sent again",
    "already_inside": "the account is inside already",
    "reentry": "the journey does not take an account again so soon",
    "reentry:slot": "another worker was faster",
    "own_origin": "the journey caused the signal itself",
    "too_deep": "a chain of journeys is cut after three",
    "too_old": "the signal came too late",
    "no_journey": "no journey begins with this trigger",
    "entered": "a journey began",
    "resumed": "a waiting journey went on",
    "completed": "walked to the end",
    "not_published": "the journey is not published",
    "no_such_journey": "there is no such journey",
    "not_inside": "the account is not inside it",
    "left_segment": "the account left the segment",
    "segment_gone": "the segment was put away",
    "baseline": "it was so before the rule was made",
    "rule_gone": "the rule asks for something that is gone",
    "date_missing": "the date that it waits for is not known",
    "superseded": "what it waited for came after the time was over",
    "surveyed_lately": "everybody was asked or answered a survey within 90 days",
    "no_such_resource": "there is no such resource",
    "no_such_ask": "nobody can be asked for that",
    "asked_lately": "the contact was asked for something within 60 days",
    "no_qbr": "the account has no QBR of this quarter",
    "nothing_to_say": "the line came out empty",
    "no_endpoint": "no endpoint that is on is told of this",
    "no_action": "no app offers to do this",
    "error": "a step failed five times",
}

_FIRST: Final = {"open_p1": "an open urgent ticket", "red_health": "mending red health"}


def reason_words(code: str) -> str:
    """A reason code as part of a sentence; rules and templates tell their own details."""
    if code in _WORDS:
        return _WORDS[code]
    head, _, rest = code.partition(":")
    if head == "arbitration":
        if not rest:
            return "something else comes first"
        return f"{_FIRST.get(rest, rest.replace('_', ' '))} comes first"
    if head == "suppressed":
        return f"the address is blocked ({rest})"
    if head == "rule_false":
        return f"the rule is not met: {rest.strip()}"
    if head == "stopped":
        return f"the journey “{rest}” stopped it"
    if head == "zone_unknown":
        return f"nobody knows the time zone “{rest}”; the tenant's was taken"
    if head == "field_refused":
        return f"the field does not take the value ({rest.strip()})"
    return code.replace("_", " ")
