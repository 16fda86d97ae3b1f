"""Messages by marketers: Liquid with limits, and HTML that cannot do harm.

A template sees plain data only and a short list of tags and filters. Time, output, loops, nesting
and sizes are limited, so a template that grows without end is refused within two seconds. A
variable that does not exist is an error that names it and its line; one that exists and is empty
(None) prints nothing and takes a ``default``.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache, wraps
from typing import Any, Final, TypeAlias

from liquid import Environment, RenderContext, StrictUndefined
from liquid.exceptions import FilterArgumentError, LiquidError, ResourceLimitError
from liquid.template import BoundTemplate

from hub.outbox.html import plain_text, sanitised

MAX_SOURCE: Final = 64_000
MAX_TAG: Final = 2_000
MAX_OUTPUT: Final = 200_000
MAX_TEXT: Final = 100_000
MAX_ITEMS: Final = 1_000
MAX_LOOP: Final = 10_000
MAX_NESTING: Final = 12
MAX_SUBJECT: Final = 250
MAX_SECONDS: Final = 1.0

Values: TypeAlias = Mapping[str, object]

_TAG_NAMES = "# assign capture case comment continue break cycle echo for if ifchanged liquid unless"
_FILTER_NAMES = (
    "abs append at_least at_most capitalize ceil compact default divided_by downcase escape first floor"
    " join last lstrip map minus modulo newline_to_br plus prepend reject remove replace reverse round"
    " rstrip size slice sort sort_natural split squish strip sum times truncate truncatewords uniq"
    " upcase url_encode where"
)
_TAGS: Final = frozenset(_TAG_NAMES.split()) | {"content", "output", "illegal"}
_FILTERS: Final = frozenset(_FILTER_NAMES.split())
_OPENING: Final = re.compile(r"\{\{|\{%")
_BLANKS: Final = re.compile(r"\s{101}")
_TAG_NAME: Final = re.compile(r"-?\s*(\w+)")
_deadline: ContextVar[float] = ContextVar("liquid_deadline")


class TemplateError(ValueError):
    """A template that cannot be used: in which part, on which line, and why."""

    def __init__(self, part: str, line: int | None, message: str) -> None:
        self.part, self.line, self.message = part, line, message
        super().__init__(f"{part}, line {line}: {message}" if line else f"{part}: {message}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to send: one-line subject, sanitised HTML, and its plain-text part."""

    subject: str
    html: str
    text: str


def render_message(*, subject: str, body: str, values: Values) -> Rendered:
    """Subject (text) and body (HTML) of a message; raises TemplateError."""
    html = render_html(body, values, part="body")
    line = " ".join(render_text(subject, values, part="subject").split())[:MAX_SUBJECT]
    if not line:
        raise TemplateError("subject", None, "the subject is empty")
    return Rendered(line, html, plain_text(html))


def render_text(source: str, values: Values, *, part: str = "text") -> str:
    """A template as plain text: values are put in as they are; raises TemplateError."""
    return _render(source, values, part, autoescape=False)


def render_html(source: str, values: Values, *, part: str = "body") -> str:
    """A template as HTML: values are escaped, the whole is sanitised; raises TemplateError."""
    return sanitised(_render(source, values, part, autoescape=True))


def check(source: str, known: Values, *, part: str) -> tuple[TemplateError, ...]:
    """What would go wrong for anybody: syntax, and variables that ``known`` (sample values) lacks.

    Unlike rendering it looks into every branch. An empty tuple means that the template is fine.
    """
    try:
        variables = _parsed(source, part, autoescape=False).analyze().globals
    except TemplateError as error:
        return (error,)
    except (LiquidError, RecursionError) as error:
        return (_error(part, source, error),)
    unknown = (
        TemplateError(part, _line(source, variable.span.index), f"unknown variable {missing!r}")
        for uses in variables.values()
        for variable in uses
        if (missing := _missing(variable.segments, known))
    )
    return tuple(sorted(unknown, key=lambda error: (error.line or 0, error.message)))


# --- Liquid within limits -------------------------------------------------------------------


def _render(source: str, values: Values, part: str, *, autoescape: bool) -> str:
    template = _parsed(source, part, autoescape=autoescape)
    plain = {key: _plain(value, key) for key, value in values.items()}
    try:
        with _time_limit():
            return template.render(plain)
    except (LiquidError, RecursionError, ArithmeticError, ValueError, TypeError) as error:
        raise _error(part, source, error) from None


@lru_cache(maxsize=512)
def _parsed(source: str, part: str, *, autoescape: bool) -> BoundTemplate:
    if len(source) > MAX_SOURCE:
        raise TemplateError(part, None, f"the template is longer than {MAX_SOURCE} characters")
    _scan(source, part)
    try:
        return _environment(autoescape).from_string(source)
    except (LiquidError, RecursionError, ValueError) as error:
        raise _error(part, source, error) from None


def _scan(source: str, part: str) -> None:
    """Refuses in linear time what the library's own lexer would take minutes to refuse.

    Its patterns go over the rest of the text for every delimiter that is never closed and for
    every ``raw`` that never ends, and over every pair of blanks in a long run of them.
    """
    position = 0
    while opening := _OPENING.search(source, position):
        closing = "}}" if opening[0] == "{{" else "%}"
        end = source.find(closing, opening.end())
        if end < 0:
            raise TemplateError(part, _line(source, opening.start()), f"expected {closing!r}, found the end")
        inside = source[opening.end() : end]
        if len(inside) > MAX_TAG or _BLANKS.search(inside):
            raise TemplateError(part, _line(source, opening.start()), "the tag is too long")
        name = _TAG_NAME.match(inside) if closing == "%}" else None
        if name and name[1] in ("raw", "doc"):
            raise TemplateError(part, _line(source, opening.start()), f"unexpected tag {name[1]!r}")
        position = end + 2


@contextmanager
def _time_limit() -> Iterator[None]:
    token = _deadline.set(time.monotonic() + MAX_SECONDS)
    try:
        yield
    finally:
        _deadline.reset(token)


def _tick() -> None:
    if time.monotonic() > _deadline.get():
        raise ResourceLimitError(f"the template takes longer than {MAX_SECONDS:g} s", token=None)


class _Context(RenderContext):
    """A render context that looks at the clock before every node."""

    __slots__ = ()

    # Every node reads this list before it renders, which makes it the one place that a loop
    # cannot get round. No tag that we allow disables others, so it is always empty.
    @property
    def disabled_tags(self) -> list[str]:
        _tick()
        return []

    @disabled_tags.setter
    def disabled_tags(self, value: list[str]) -> None:
        return None


class _Template(BoundTemplate):
    context_class = _Context


class _Environment(Environment):
    block_nesting_limit = MAX_NESTING
    context_depth_limit = MAX_NESTING
    loop_iteration_limit = MAX_LOOP
    local_namespace_limit = 4 * MAX_TEXT
    output_stream_limit = MAX_OUTPUT
    template_class = _Template

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=False)
        self.tags = {name: tag for name, tag in self.tags.items() if name in _TAGS}
        allowed = {name: call for name, call in self.filters.items() if name in _FILTERS}
        self.filters = {name: _limited(call) for name, call in allowed.items()}
        self.filters["date"] = _limited(_date)
        for name in ("replace", "join"):
            self.filters[name] = _foreseen(name, self.filters[name])


@cache
def _environment(autoescape: bool) -> Environment:
    return _Environment(undefined=StrictUndefined, autoescape=autoescape)


def _limited(call: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses to take or give more than the limits."""

    @wraps(call)
    def within_limits(*args: Any, **kwargs: Any) -> Any:
        _tick()
        for arg in args:
            _check_size(arg)
        result = call(*args, **kwargs)
        _check_size(result)
        return result

    return within_limits


def _foreseen(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose result can be far larger than what it is given: measured before it is made."""
    expected = _replaced_size if name == "replace" else _joined_size

    @wraps(call)
    def within_limits(value: Any, *args: Any, **kwargs: Any) -> Any:
        if expected(value, *args) > MAX_TEXT:
            raise ResourceLimitError(f"the result of {name} is too large", token=None)
        return call(value, *args, **kwargs)

    return within_limits


def _replaced_size(value: Any, seq: Any = "", sub: Any = "", *rest: Any) -> int:
    text = str(value)
    _check_size(text)
    return len(text) + text.count(str(seq)) * len(str(sub))


def _joined_size(value: Any, separator: Any = " ", *rest: Any) -> int:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return 0
    _check_size(value)
    return sum(len(str(item)) + len(str(separator)) for item in value)


def _check_size(value: Any) -> None:
    if isinstance(value, str):
        too_large = len(value) > MAX_TEXT
    elif isinstance(value, int | float | Decimal):
        too_large = not -1e18 < value < 1e18
    else:
        too_large = isinstance(value, Sequence) and _more_items_than(value, MAX_ITEMS)
    if too_large:
        raise ResourceLimitError("a value grows too large", token=None)


def _more_items_than(value: Sequence[Any], limit: int) -> bool:
    try:
        return len(value) > limit
    except OverflowError:  # a range longer than a machine word
        return True


_DATE_FORMATS: Final = frozenset("aAbBdeHIjmMpSyYZz%")


def _date(value: Any, form: Any = "%Y-%m-%d") -> str:
    """``{{ renewal_on | date: "%d %B %Y" }}``; takes dates and ISO texts, and no "now"."""
    moment = _moment(value)
    if moment is None:
        return ""
    pieces = str(form).split("%%")
    if any(p[:1] not in _DATE_FORMATS for piece in pieces for p in piece.split("%")[1:]):
        raise FilterArgumentError(f"date format {str(form)[:40]!r} is not understood", token=None)
    return moment.strftime(str(form)[:60])


def _moment(value: Any) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value)[:40])
    except ValueError:
        raise FilterArgumentError(f"{str(value)[:40]!r} is not a date", token=None) from None


def _plain(value: object, path: str) -> object:
    """``value`` if it is data all the way down; an object would open its methods to authors."""
    if isinstance(value, Decimal):
        # Liquid's arithmetic takes a Decimal for zero.
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, str | int | float | date):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, path) for item in value]
    raise TypeError(f"{path} is a {type(value).__name__}; templates take plain data")


# --- errors ---------------------------------------------------------------------------------


def _error(part: str, source: str, error: Exception) -> TemplateError:
    if isinstance(error, RecursionError):
        return TemplateError(part, None, "the template is nested too deeply")
    if isinstance(error, LiquidError):
        at = error.token.start_index if error.token is not None else -1
        return TemplateError(part, _line(source, at) if at >= 0 else None, str(error.message))
    return TemplateError(part, None, str(error))


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


def _missing(segments: Iterable[object], known: Values) -> str:
    """The shortest start of a path that ``known`` lacks, "" when it has the whole path."""
    value: object = known
    path = ""
    for segment in segments:
        # A list, an empty value or a computed key says nothing about what lies below.
        if not isinstance(value, Mapping) or not isinstance(segment, str):
            return ""
        path = f"{path}.{segment}" if path else segment
        if segment not in value:
            return "" if segment in ("size", "first", "last") and "." in path else path
        value = value[segment]
    return ""
