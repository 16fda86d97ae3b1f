"""Set-up → Themes: what texts are about, by which phrases, and which recent texts these would find."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.feedback.text.cleaning import clean
from hub.feedback.text.themes import PhraseError, Theme, ThemeMatcher, phrases_of, tellable
from hub.feedback.text_selectors import Said, latest_texts
from hub.feedback.theme_selectors import TenantTheme, tenant_themes
from hub.feedback.theme_services import ThemeError, theme_reset, theme_save
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page

TRIED, SHOWN = 500, 20
# So many texts on either side before words are proposed, and so many words.
ENOUGH, BESIDE = 5, 8
NEW = "new"


class ThemeForm(forms.Form):
    """A theme: its name, and its phrases, one in a line."""

    title = forms.CharField(max_length=80, label="Name")
    phrases = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="one in a line, in any case; * at the end of a word stands for any ending",
    )
    is_off = forms.BooleanField(required=False, label="Put away: texts are not read for it")

    def clean_phrases(self) -> list[str]:
        try:
            return list(phrases_of(str(self.cleaned_data["phrases"]).splitlines()))
        except PhraseError as error:
            raise forms.ValidationError(f"{error}.") from None


@staff_page("record.view")
@require_safe
def themes(request: StaffRequest) -> HttpResponse:
    """The themes that texts are read for."""
    return render(request, "feedback/themes.html", {"themes": tenant_themes()})


@staff_page("record.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def theme(request: StaffRequest, theme_key: str) -> HttpResponse:
    """One theme, or a new one: try its phrases on recent texts, then keep it."""
    found = None if theme_key == NEW else _found(theme_key)
    form = ThemeForm(request.POST if request.method == "POST" else None, initial=_initial(found))
    context: dict[str, Any] = {"theme": found, "form": form}
    if request.method == "POST" and form.is_valid():
        if "try" not in request.POST:
            try:
                row = theme_save(key=found.theme.key if found else "", **form.cleaned_data, actor=actor_of(request))
            except (ThemeError, PhraseError) as error:
                form.add_error(None, f"Nothing was kept: {error}.")
            else:
                messages.success(request, f"“{row.title}” is kept. All texts are being read again for it.")
                return redirect("feedback:themes", tenant=request.tenant.slug)
        context |= _tried(form.cleaned_data["phrases"])
    return render(request, "feedback/theme.html", context, status=422 if form.errors else 200)


def _found(key: str) -> TenantTheme:
    for found in tenant_themes():
        if found.theme.key == key:
            return found
    raise Http404


def _initial(found: TenantTheme | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {"title": found.theme.title, "phrases": "\n".join(found.theme.phrases), "is_off": found.is_off}


def _tried(phrases: list[str]) -> dict[str, Any]:
    """Which of the latest texts have the phrases."""
    matcher = ThemeMatcher([Theme("it", "", tuple(phrases))])
    texts = latest_texts(TRIED)
    found = [bool(matcher.themes(clean(said.text.text))) for said in texts]
    hits: list[Said] = [said for said, hit in zip(texts, found, strict=True) if hit]
    beside = _beside([clean(said.text.text) for said in texts], found, matcher)
    return {"tried": len(texts), "found": len(hits), "hits": hits[:SHOWN], "beside": beside}


def _beside(texts: list[str], found: list[bool], matcher: ThemeMatcher) -> list[str]:
    """Words that tell the texts found from the others, and are not phrases yet; none where there are few of either."""
    # Loads numpy, which no other page of this app needs.
    from hub.feedback.text.linear import LinearClassifier

    if min(sum(found), len(found) - sum(found)) < ENOUGH:
        return []
    classifier = LinearClassifier(strength=10)
    classifier.fit(texts, ["found" if hit else "other" for hit in found])
    told = classifier.telling("found", 10 * BESIDE)
    return [words for words in told if not matcher.themes(words) and tellable(words)][:BESIDE]


@staff_page("record.edit")
@require_POST
def reset(request: StaffRequest, theme_key: str) -> HttpResponse:
    """Give a shipped theme its own phrases back."""
    found = _found(theme_key)
    try:
        theme_reset(key=found.theme.key, actor=actor_of(request))
    except ThemeError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, f"“{found.theme.title}” has its shipped phrases again.")
    return redirect("feedback:themes", tenant=request.tenant.slug)
