"""Requests that no page could answer: refused once, before anything of ours reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from hub.rest.problems import problem

# They measure for themselves what they read.
EVENT_DOORS = re.compile(r"^/(v1|hooks)/")
# Where people upload files; their pages measure each of them.
UPLOADS = re.compile(r"^/t/[^/]+/imports/")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
CHARSETS = ("", "utf-8", "utf8")


class Refusals:
    """Answers 400 to what PostgreSQL cannot store (NUL in address or form) and to forms that are not UTF-8, 413 to
    bodies beyond the limit.

    Bodies in JSON are their parsers' matter: the event doors quarantine such an event and take the rest.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_too_large(request) or not _measured(request):
            return _refuse(request, 413, "the body is too large")
        if reason := _reason(request):
            return _refuse(request, 400, reason)
        return self.get_response(request)


def _refuse(request: HttpRequest, status: int, reason: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return problem(status, reason)
    return HttpResponse(f"Refused: {reason}.", status=status, content_type="text/plain; charset=utf-8")


def _is_too_large(request: HttpRequest) -> bool:
    # Django itself would say so in the middle of a view, as an error of ours; of a form with files it would write
    # whatever comes to the disk, signed in or not. The event doors have their own limit.
    if not request.path_info.startswith("/api/") and request.content_type not in FORMS:
        return False
    length = request.META.get("CONTENT_LENGTH") or "0"
    return str(length).isdigit() and int(length) > _limit(request)


def _limit(request: HttpRequest) -> int:
    uploads = request.content_type == FORMS[1] and UPLOADS.match(request.path_info)
    if uploads and settings.SESSION_COOKIE_NAME in request.COOKIES:
        return int(settings.UPLOAD_MAX_BYTES)
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _measured(request: HttpRequest) -> bool:
    """Give a chunked body, of which Django would read nothing, its length; False when it is beyond the limit."""
    chunked = request.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if not chunked or EVENT_DOORS.match(request.path_info):
        return True
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    body = _read(request.META["wsgi.input"], limit + 1)
    request.META["CONTENT_LENGTH"] = str(len(body))
    # Where Django keeps what it reads from.
    request._stream = BytesIO(body)
    return len(body) <= limit


def _read(stream: Any, most: int) -> bytes:
    parts, left = [], most
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _reason(request: HttpRequest) -> str:
    if "\0" in request.path_info or b"\0" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
        return "the address holds a NUL character"
    if request.method == "POST" and request.content_type in FORMS:
        if (request.content_params or {}).get("charset", "").lower() not in CHARSETS:
            return "forms are read as UTF-8"
        if any("\0" in value for value in _values(request)):
            return "the form holds a NUL character"
    return ""


def _values(request: HttpRequest) -> Iterator[str]:
    for name, values in request.POST.lists():
        yield name
        yield from (value for value in values if isinstance(value, str))
