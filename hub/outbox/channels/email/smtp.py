"""Handing a mail to an SMTP server, and what its answers, or its silence, say about the mail.

The steps are taken one by one, because they mean different things when the line goes dead: before the content was
offered the mail was surely not taken; after that nobody can tell.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from hub.outbox.channels.base import Outcome, Result

UTF8: Final = "utf-8"


def hand_over(connection: EmailBackend, mail: EmailMessage, reach: Callable[[], None]) -> Result:
    """Hand one mail to one recipient over a kept line. `reach` opens the line where it is closed.

    A line that the server has let go of meanwhile is opened anew, once: between two mails that is no failure. Raises
    ValueError for an address that no mail can have, and what `reach` raises.
    """
    sender = sanitize_address(mail.from_email, UTF8)
    [recipient] = [sanitize_address(address, UTF8) for address in mail.recipients()]
    letter: Any = mail.message()
    content = letter.as_bytes(linesep="\r\n")
    result = Result(Outcome.RETRY)
    for _ in range(2):
        reach()
        try:
            _announce(connection.connection, sender, recipient, len(content))
        except smtplib.SMTPResponseException as error:
            return _refused(connection, error, Outcome.FAILED)
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(connection, error, Outcome.BOUNCED)
        except OSError as error:
            connection.connection = None
            result = _dead(error)
            if _is_late(error):
                break
        else:
            return _give(connection, content)
    return result


def _announce(session: Any, sender: str, recipient: str, size: int) -> None:
    """Everything before the content; raises smtplib's errors for a refusal, OSError when the line is dead."""
    session.ehlo_or_helo_if_needed()
    code, words = session.mail(sender, [f"size={size}"] if session.has_extn("size") else [])
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, words, sender)
    code, words = session.rcpt(recipient)
    if code not in (250, 251):
        raise smtplib.SMTPRecipientsRefused({recipient: (code, words)})


def _give(connection: EmailBackend, content: bytes) -> Result:
    session: Any = connection.connection
    try:
        code, words = session.data(content)
        if code != 250:
            raise smtplib.SMTPDataError(code, words)
    except smtplib.SMTPDataError as error:
        return _refused(connection, error, Outcome.FAILED)
    except OSError as error:
        connection.connection = None
        return failure_of(error)
    return Result(Outcome.SENT)


def _refused(connection: EmailBackend, error: OSError, permanent: Outcome) -> Result:
    """A refusal, with the line made ready for the next mail: reset, or closed where the server says goodbye."""
    result = _answer_of(error, permanent)
    session: Any = connection.connection
    if result.detail.startswith("421"):
        session.close()
        connection.connection = None
    else:
        with suppress(OSError):  # the next mail finds the line dead, and opens it
            session.rset()
    return result


def _dead(error: OSError) -> Result:
    """The line went dead before the content was offered: nothing was taken."""
    reason = "retry:timeout" if _is_late(error) else "retry:reset"
    return Result(Outcome.RETRY, f"{type(error).__name__}: {error}"[:300], code=reason)


def _is_late(error: OSError) -> bool:
    # smtplib tells a time-out as a hang-up that it came of.
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def failure_of(error: OSError) -> Result:
    """An error of the call itself: the server may have taken the message before the line went dead."""
    reason = "no_answer:timeout" if _is_late(error) else ""
    return Result(Outcome.UNKNOWN, f"{type(error).__name__}: {error}"[:300], code=reason)


def _answer_of(error: OSError, permanent: Outcome) -> Result:
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _answered(*next(iter(refused.values())), permanent)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=words):
            return _answered(code, words, permanent)
        case _:
            return failure_of(error)


def _answered(code: int, words: bytes | str, permanent: Outcome) -> Result:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    if 500 <= code < 600:
        return Result(permanent, f"{code} {text}"[:300])
    return Result(Outcome.RETRY, f"{code} {text}"[:300], code="retry:4xx")
