"""What an error of smtplib says about a message: surely refused, surely not taken yet, or unknown."""

from __future__ import annotations

import smtplib

from hub.outbox.channels.base import Outcome, Result


def failure_of(error: OSError) -> Result:
    """An answer of the server is certain; a connection that breaks during the call is not."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, words = next(iter(refused.values()))
            return _answered(code, words, Outcome.BOUNCED)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=words):
            return _answered(code, words, Outcome.FAILED)
        case _:
            # The server may have taken the message before the line went dead.
            # smtplib tells a time-out as a hang-up that it came of.
            late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
            reason = "no_answer:timeout" if late else ""
            return Result(Outcome.UNKNOWN, f"{type(error).__name__}: {error}"[:300], code=reason)


def _answered(code: int, words: bytes | str, permanent: Outcome) -> Result:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    if 500 <= code < 600:
        return Result(permanent, f"{code} {text}"[:300])
    return Result(Outcome.RETRY, f"{code} {text}"[:300], code="retry:4xx")
