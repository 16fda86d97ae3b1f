"""The components of every page. Load with ``{% load ui %}``; each tag's docstring is its documentation.

Small ones build their HTML here, because a list shows hundreds of them; larger ones are templates in
templates/ui/. None writes a style attribute or a script: the content security policy allows neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import HttpRequest
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from hub.people.permissions import allowed
from hub.people.scope import EVERYONES, MINE, whose
from hub.registry.panels import banners as registered_banners
from hub.shell import formatting
from hub.shell.charts import Chart
from hub.shell.icons import icon_shapes
from hub.shell.navigation import Navigation, navigation
from hub.shell.sparkline import sparkline as draw_sparkline
from hub.tenancy.context import current_scope

register = template.Library()

SEVERITIES = {
    "critical": ("error", "Critical"),
    "warning": ("warning", "Warning"),
    "opportunity": ("success", "Opportunity"),
    "info": ("info", "Info"),
}
CONTROLS = {
    "select": "select",
    "textarea": "textarea",
    "checkbox": "checkbox checkbox-sm",
    "radio": "",
    "file": "file-input w-full",
}
NAMES = {"qbr_follow_up": "QBR follow-up", "win_back": "Win-back"}
AVATAR_TONES = ("primary", "secondary", "accent", "info", "success", "warning")
THEMES = ("light", "dark")


def _locale(context: Context) -> Any:
    tenant = context.get("tenant")
    return formatting.locale_of(getattr(tenant, "locale", "") or get_language() or "en-US")


# --- Page ---------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def events_url(context: Context) -> str:
    """Where the page listens for what has changed: behind a proxy on this origin, else on the port of the events."""
    request: HttpRequest = context["request"]
    path = f"/events/t/{context['tenant'].slug}/"
    if settings.IS_HTTPS:
        return path
    # The same name as the page's own, or the cookie would stay behind.
    return f"http://{urlsplit(f'//{request.get_host()}').hostname}:{settings.EVENTS_PORT}{path}"


@register.simple_tag(takes_context=True)
def root_attributes(context: Context) -> SafeString:
    """Attributes of ``<html>``: language, and what the person chose before (theme, folded navigation), from cookies."""
    request: HttpRequest | None = context.get("request")
    cookies = request.COOKIES if request else {}
    parts = [format_html('lang="{}"', getattr(context.get("tenant"), "locale", "") or get_language() or "en")]
    if cookies.get("theme") in THEMES:
        parts.append(format_html('data-theme="{}"', cookies["theme"]))
    if cookies.get("nav") == "rail":
        parts.append(mark_safe('data-nav="rail"'))
    return mark_safe(" ".join(parts))


@register.simple_tag(takes_context=True)
def staff_navigation(context: Context) -> Navigation:
    """``{% staff_navigation as nav %}``: the links that this member may open."""
    request, membership = context["request"], context["membership"]
    return navigation(slug=context["tenant"].slug, role=membership.role, path=request.path, counted=True)


@register.inclusion_tag("ui/page_header.html")
def page_header(
    title: str, purpose: str = "", action: str = "", action_url: str = "", action_icon: str = ""
) -> dict[str, Any]:
    """Title, one line that says what the page is for, and at most one primary button."""
    return {
        "title": title,
        "purpose": purpose,
        "action": action,
        "action_url": action_url,
        "action_icon": action_icon,
    }


@register.inclusion_tag("ui/breadcrumbs.html")
def breadcrumbs(*pairs: str) -> dict[str, Any]:
    """``{% breadcrumbs "Accounts" url "Acme" %}``: name and URL in turn, the page itself last, without one."""
    return {"crumbs": list(zip(pairs[:-1:2], pairs[1::2], strict=False)), "here": pairs[-1]}


@register.inclusion_tag("ui/tabs.html")
def tabs(items: Sequence[Any], current: str, label: str = "Sections") -> dict[str, Any]:
    """Tabs that are links. An item has ``key``, ``title``, ``url`` and may have ``count``."""
    return {"items": items, "current": current, "label": label}


@register.simple_tag(takes_context=True)
def may(context: Context, permission: str) -> bool:
    """``{% may "plans.edit" as may_edit %}``: whether the member's role holds a permission."""
    membership = context.get("membership")
    return membership is not None and allowed(membership.role, permission)


@register.inclusion_tag("ui/choice.html", takes_context=True)
def whose_choice(context: Context) -> dict[str, Any]:
    """A switch between the person's own accounts and everybody's."""
    query = context["request"].GET.copy()
    query.pop("cursor", None)
    options = []
    for key, title in ((MINE, "My accounts"), (EVERYONES, "All accounts")):
        query["whose"] = key
        options.append({"key": key, "title": title, "url": f"?{query.urlencode()}"})
    return {"options": options, "current": whose(context["request"]), "label": "Whose accounts"}


@register.inclusion_tag("ui/choice.html", takes_context=True)
def choice(context: Context, name: str, options: Sequence[tuple[str, str]], current: str, label: str) -> dict[str, Any]:
    """A segmented switch that lives in the URL as ``name``; ``options`` are (value, title)."""
    query = context["request"].GET.copy()
    query.pop("cursor", None)
    links = []
    for key, title in options:
        query[name] = key
        links.append({"key": key, "title": title, "url": f"?{query.urlencode()}"})
    return {"options": links, "current": current, "label": label}


# --- Small pieces -------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def banners(context: Context) -> SafeString:
    """What is out of the ordinary for the whole tenant, above every staff page."""
    membership = context.get("membership")
    # Pages that tell of an error may be made when the tenant's context is closed already.
    if membership is None or current_scope() is None:
        return SafeString("")
    mine = (banner for banner in registered_banners if allowed(membership.role, banner.permission))
    shown = [banner.render(context["request"]) for banner in mine]
    return mark_safe("".join(html for html in shown if html))  # rendered by templates of our own


@register.simple_tag
def form_once() -> SafeString:
    """An id for a form whose double sending must be one effect; the view reads it by ``form_of``."""
    return format_html('<input type="hidden" name="form" value="{}">', uuid4())


@register.simple_tag
def icon(name: str, size: int = 18, label: str = "") -> SafeString:
    """An icon as inline SVG; decorative unless ``label`` says what it means."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon-ui" width="{}" height="{}" viewBox="0 0 24 24" {}>{}</svg>',
        size,
        size,
        spoken,
        mark_safe(icon_shapes(name)),
    )


@register.simple_tag
def badge(text: str, tone: str = "muted", icon_name: str = "", dot: bool = False) -> SafeString:
    """A short state in a tone: primary, success, warning, error, info, muted, secondary, accent."""
    mark: SafeString | str = icon(icon_name, 14) if icon_name else ""
    if dot:
        mark = mark_safe('<span class="dot"></span>')
    return format_html('<span class="badge-ui tone-{}">{}{}</span>', tone, mark, text)


@register.filter
def in_words(key: str) -> str:
    """A key as people read it: ``champion_succession`` is *Champion succession*."""
    return NAMES.get(key) or key.replace("_", " ").capitalize()


@register.filter
def quarter_words(name: str) -> str:
    """A calendar quarter as people say it: ``2026-Q4`` is *Q4 2026*."""
    year, _, number = name.partition("-")
    return f"{number} {year}" if number else name


@register.simple_tag
def severity(level: str, text: str = "") -> SafeString:
    """The severity of a signal: critical, warning, opportunity or info; ``text`` says it in other words."""
    tone, word = SEVERITIES.get(level, ("muted", level.capitalize()))
    return badge(text or word, tone, dot=True)


@register.simple_tag
def avatar(name: str, shape: str = "") -> SafeString:
    """Initials of a person, or with ``shape="square"`` of a company; one name keeps one colour."""
    tone = AVATAR_TONES[sum(name.encode()) % len(AVATAR_TONES)]
    return format_html(
        '<span class="avatar-ui tone-{} {}" aria-hidden="true">{}</span>', tone, shape, formatting.initials(name)
    )


@register.simple_tag(takes_context=True)
def money(
    context: Context, minor: int | None, currency: str = "", compact: bool = False, cents: bool = False
) -> SafeString | str:
    """Minor units as an amount in the tenant's locale; the exact one is in the title. None is a dash."""
    if minor is None:
        return formatting.NOTHING
    currency = currency or context["tenant"].currency
    locale = _locale(context)
    return format_html(
        '<span class="tabular" title="{}">{}</span>',
        formatting.money(minor, currency, locale, cents=True),
        formatting.money(minor, currency, locale, cents=cents, compact=compact),
    )


@register.simple_tag(takes_context=True)
def number(context: Context, value: Decimal | int | float | None, compact: bool = False) -> str:
    """A count in the tenant's locale; None is a dash."""
    return formatting.NOTHING if value is None else formatting.number(value, _locale(context), compact=compact)


@register.simple_tag(takes_context=True)
def pct(context: Context, ratio: Decimal | float | Fraction | None, digits: int = 1) -> str:
    """A ratio as per cent; None is a dash."""
    return formatting.NOTHING if ratio is None else formatting.percent(float(ratio), _locale(context), digits=digits)


@register.simple_tag(takes_context=True)
def delta(
    context: Context, value: Decimal | int | float | None, unit: str = "pct", good: str = "up", currency: str = ""
) -> SafeString | str:
    """A change with its sign, an arrow and a tone. ``unit`` is pct, points, money or number; ``good`` is up or down."""
    if value is None:
        return formatting.NOTHING
    text = formatting.signed(_delta_text(context, value, unit, currency), value)
    if not value:
        return format_html('<span class="delta">{}</span>', text)
    rising = value > 0
    tone = "success" if rising is (good == "up") else "error"
    arrow = icon("arrow-up-right" if rising else "arrow-down-right", 14)
    return format_html('<span class="delta tone-{}">{}{}</span>', tone, arrow, text)


def _delta_text(context: Context, value: Decimal | int | float, unit: str, currency: str) -> str:
    locale = _locale(context)
    if unit == "money":
        return formatting.money(int(value), currency or context["tenant"].currency, locale, compact=True)
    if unit == "pct":
        return formatting.percent(value, locale)
    if unit == "points":
        return formatting.percent(value, locale).replace("%", " pts")
    return formatting.number(value, locale)


@register.simple_tag(takes_context=True)
def relative_time(context: Context, value: datetime | date | None) -> SafeString | str:
    """How long ago or until, with the absolute time in the title; a plain date counts in days. None is a dash."""
    if value is None:
        return formatting.NOTHING
    locale = _locale(context)
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        text, title = formatting.relative(value, timezone.now(), locale), formatting.absolute(local, locale)
    else:
        text, title = formatting.relative_day(value, timezone.localdate(), locale), formatting.day(value, locale)
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), title, text)


@register.simple_tag(takes_context=True)
def day(context: Context, value: datetime | date | None) -> SafeString | str:
    """A calendar day, with how far off it is in the title. None is a dash."""
    if value is None:
        return formatting.NOTHING
    when = timezone.localtime(value).date() if isinstance(value, datetime) else value
    locale = _locale(context)
    distance = formatting.relative_day(when, timezone.localdate(), locale)
    text = formatting.day(when, locale)
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), distance, text)


@register.simple_tag
def sparkline(values: Sequence[float], label: str, tone: str = "primary", width: int = 72) -> SafeString | str:
    """A trend a word high; ``label`` says in words what it shows. Nothing for fewer than two values."""
    drawn = draw_sparkline(values, width=width)
    if drawn is None:
        return ""
    return format_html(
        '<svg class="spark tone-{}" width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path class="spark-area" d="{}"/><path class="spark-line" d="{}"/>'
        '<circle class="spark-dot" cx="{}" cy="{}" r="2"/></svg>',
        tone,
        drawn.width,
        drawn.height,
        drawn.width,
        drawn.height,
        label,
        drawn.area,
        drawn.line,
        drawn.last[0],
        drawn.last[1],
    )


@register.simple_tag
def usage_trend(weeks: Sequence[int]) -> SafeString | str:
    """Weekly uses as a sparkline whose tone and words say where they are heading."""
    half = len(weeks) // 2
    before, lately = sum(weeks[:half]), sum(weeks[half:])
    falling, rising = lately < 0.8 * before, lately > 1.2 * before
    tone = "error" if falling else "success" if rising else "primary"
    words = "falling" if falling else "rising" if rising else "steady"
    return sparkline(
        weeks, f"{words}: {weeks[0]} uses in the first of {len(weeks)} weeks, {weeks[-1]} in the last", tone
    )


# --- Larger pieces ------------------------------------------------------------------------------------------------


@register.inclusion_tag("ui/stat.html")
def stat(
    name: str,
    value: Any,
    change: Any = "",
    note: str = "",
    source: str = "",
    as_of: datetime | date | None = None,
    url: str = "",
) -> dict[str, Any]:
    """A figure with its name, change, note, and where it comes from. ``value`` and ``change`` come formatted."""
    return {
        "name": name,
        "value": value,
        "change": change,
        "note": note,
        "source": source,
        "as_of": as_of,
        "url": url,
    }


@register.inclusion_tag("ui/source.html")
def source_mark(source: str, as_of: datetime | date | None = None) -> dict[str, Any]:
    """A small mark that says, on hover, focus or tap, where a figure comes from and as of when."""
    return {"source": source, "as_of": as_of}


@register.inclusion_tag("ui/empty_state.html")
def empty_state(
    icon_name: str, title: str, text: str, action: str = "", action_url: str = "", level: int = 2
) -> dict[str, Any]:
    """What will appear here, and the one button that makes it appear."""
    return {
        "icon_name": icon_name,
        "title": title,
        "text": text,
        "action": action,
        "action_url": action_url,
        "heading": f"h{level}",
    }


@register.inclusion_tag("ui/empty_state.html", takes_context=True)
def empty_of_data(context: Context, icon_name: str, title: str, text: str, level: int = 2) -> dict[str, Any]:
    """An empty state that ends as data comes in: who may bring it in has the button that does."""
    membership = context.get("membership")
    may_import = membership is not None and allowed(membership.role, "imports.run")
    url = reverse("imports:new", kwargs={"tenant": context["tenant"].slug}) if may_import else ""
    return empty_state(icon_name, title, text, "Import files" if url else "", url, level)


@register.inclusion_tag("ui/notice.html")
def notice(title: str, text: str = "", tone: str = "info", dismiss: bool = False) -> dict[str, Any]:
    """A message in a tone: info, success, warning or error. Errors say what happened, what was kept, what to do."""
    icons = {"success": "circle-check", "warning": "alert-triangle", "error": "alert-circle"}
    return {
        "title": title,
        "text": text,
        "tone": tone,
        "icon_name": icons.get(tone, "info-circle"),
        "dismiss": dismiss,
    }


@register.simple_tag
def progress(done: float, total: float, label: str, tone: str = "primary") -> SafeString:
    """A bar of ``done`` out of ``total``, named for screen readers by ``label``."""
    return format_html(
        '<progress class="meter tone-{}" value="{}" max="{}" aria-label="{}"></progress>', tone, done, total or 1, label
    )


@register.inclusion_tag("ui/timeline_entry.html", takes_context=True)
def timeline_entry(
    context: Context,
    title: str,
    at: datetime,
    icon_name: str = "circle",
    tone: str = "muted",
    text: str = "",
    source: str = "",
    url: str = "",
) -> dict[str, Any]:
    """One ``<li>`` of an ``<ol class="timeline-ui">``."""
    return {
        "title": title,
        "at": at,
        "icon_name": icon_name,
        "tone": tone,
        "text": text,
        "source": source,
        "url": url,
        "tenant": context.get("tenant"),
    }


@register.inclusion_tag("ui/chart.html", takes_context=True)
def chart(context: Context, key: str, spec: Chart, size: str = "") -> dict[str, Any]:
    """A chart of hub.shell.charts with its table behind it. ``key`` is unique on the page; ``size`` short or tall."""
    return {
        "key": key,
        "chart": spec,
        "data": json_script(spec.spec(), f"{key}-spec"),
        "table": spec.table(_locale(context)),
        "size": size,
    }


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField, help_text: str = "", extra: str = "") -> dict[str, Any]:
    """A form field with label, help and errors. ``extra`` adds classes to the control."""
    kind = getattr(bound.field.widget, "input_type", "textarea")
    css = CONTROLS.get(kind, "input")
    attributes: dict[str, str | bool] = {"class": f"{css} {extra}".strip()}
    described = [f"{bound.auto_id}_error"] if bound.errors else []
    if help_text or bound.help_text:
        described.append(f"{bound.auto_id}_helptext")
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attributes),
        "help_text": help_text or bound.help_text,
        "inline": kind == "checkbox",
    }
