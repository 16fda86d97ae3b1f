"""What results say to people, in sentences. Pure but for the tenant's locale, which the caller gives."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from babel.numbers import get_currency_precision

from journeys.experiments.kinds import Kind
from journeys.experiments.reading import Result, State, Verdict

TONES: Final = {
    Verdict.BETTER: "success",
    Verdict.WORSE: "error",
    Verdict.SMALL: "warning",
    Verdict.NONE: "muted",
}
LABELS: Final = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.SMALL: "too small a sample",
    Verdict.NONE: "no difference shown",
}


def amount_words(value: float, kind: Kind, *, sign: bool = False, money: str = "") -> str:
    """A value of a measure: shares and ratios in percent, their differences in points.

    ``money`` is the currency of an amount in minor units.
    """
    plus = "+" if sign and value > 0 else ""
    if money:
        digits = get_currency_precision(money)
        return f"{plus}{value / 10**digits:,.{digits}f} {money}".replace("-", "−")
    if kind is Kind.AMOUNT:
        return f"{plus}{value:,.1f}".replace("-", "−")
    unit = " points" if sign else "%"
    return f"{plus}{value * 100:.1f}{unit}".replace("-", "−")


def state_words(result: Result, day: date | None) -> tuple[str, str, str]:
    """Title, sentence and tone of what stands in the way of a result; empty where it can be read."""
    match result.state:
        case State.RATIO:
            return (
                "The deal is off: no result is shown",
                f"Accounts did not come to the arms by their shares (p = {result.ratio_p:.2g}). Whatever did that may"
                " have moved the result, too: look for accounts that one arm loses on the way, then begin anew.",
                "error",
            )
        case State.FEW:
            return (
                "Too few accounts yet",
                "An account counts when its window is over; each arm needs at least two of them.",
                "info",
            )
        case State.EARLY:
            return (
                f"Read once, on {day:%d %B %Y}" if day else "Not yet",
                "Until then no difference is shown: who looks early and stops when it suits finds differences that are"
                " not there.",
                "info",
            )
    return ("", "", "")


def verdict_words(verdict: Verdict, label: str, control: str, detectable: str, power: float) -> str:
    """What may be said of an arm against the first; ``detectable`` "" where no difference could be relied on."""
    if verdict in (Verdict.SMALL, Verdict.NONE) and not detectable:
        return "No difference is shown, and so few accounts could hardly show any."
    match verdict:
        case Verdict.BETTER:
            return f"“{label}” does better than “{control}”."
        case Verdict.WORSE:
            return f"“{label}” does worse than “{control}”."
        case Verdict.SMALL:
            return f"Zero is excluded, but this sample can be relied on only for {detectable} or more: no winner."
    return (
        f"No difference is shown. One of {detectable} or more would have been found in {power:.0%} of such experiments."
    )


def shown_result(result: Result, labels: list[str], kind: Kind, power: float, money: str = "") -> dict[str, Any]:
    """Arms and comparisons as a page or a list shows them."""
    arms = [
        {
            "label": label,
            "n": arm.n,
            "value": amount_words(arm.value, kind, money=money),
            "interval": _range(arm.interval.low, arm.interval.high, kind, money=money),
        }
        for label, arm in zip(labels, result.arms, strict=False)
        if arm.n
    ]
    comparisons = [
        {
            "label": labels[each.arm],
            "control": labels[0],
            "difference": amount_words(each.difference.estimate, kind, sign=True, money=money),
            "interval": _range(each.difference.low, each.difference.high, kind, sign=True, money=money),
            "p": f"{each.difference.p:.3f}" if each.difference.p >= 0.001 else "< 0.001",
            "tone": TONES[each.verdict],
            "verdict": LABELS[each.verdict],
            "words": verdict_words(
                each.verdict, labels[each.arm], labels[0], detectable_words(each.detectable, kind, money), power
            ),
        }
        for each in result.comparisons
    ]
    return {"arms": arms, "comparisons": comparisons}


def _range(low: float, high: float, kind: Kind, *, sign: bool = False, money: str = "") -> str:
    return " to ".join(amount_words(value, kind, sign=sign, money=money) for value in (low, high))


def detectable_words(value: float, kind: Kind, money: str = "") -> str:
    """The smallest difference that a sample shows; "" where it shows none."""
    if value <= 0 or (kind is Kind.SHARE and value >= 1):
        return ""
    return amount_words(value, kind, sign=True, money=money).lstrip("+")
