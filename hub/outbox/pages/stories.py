"""Staff pages of stories: what customers reached, who may read it, and since when they agree to have it told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages as flash
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Account
from hub.outbox.models import Story
from hub.outbox.services.stories import StoryWords, story_remove, story_save
from hub.people.audit import actor_of
from hub.people.guards import StaffRequest, staff_page

CHOICES = 500
FIELDS = ("title", "customer", "text", "url", "industry", "least_seats", "most_seats", "agreed_on")


class StoryForm(forms.Form):
    """A story as it is typed."""

    title = forms.CharField(max_length=120, help_text="what was reached, such as: Month-end close in three days")
    customer = forms.CharField(
        max_length=120, label="Who it is about",
        help_text="in the words that they agreed to: a name, or “a logistics company”",
    )  # fmt: skip
    text = forms.CharField(max_length=600, widget=forms.Textarea(attrs={"rows": 5}), label="In a few sentences")
    url = forms.CharField(max_length=1000, required=False, label="Where to read it", help_text="an https address")
    account = forms.ChoiceField(
        choices=(), required=False, label="Their account", help_text="nobody is told their own story"
    )
    industry = forms.CharField(
        max_length=100, required=False, label="For accounts of the industry", help_text="empty: every industry"
    )
    least_seats = forms.IntegerField(min_value=0, required=False, label="From how many seats")
    most_seats = forms.IntegerField(min_value=0, required=False, label="Up to how many seats")
    agreed_on = forms.DateField(
        required=False, label="They agreed on", widget=forms.DateInput(attrs={"type": "date"}),
        help_text="without this day the story is told to nobody",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = Account.objects.order_by("name", "id").values_list("pk", "name")[:CHOICES]
        chosen = str(self.initial.get("account") or "")
        options = [("", "None of the accounts here"), *((str(pk), name) for pk, name in named)]
        if chosen and chosen not in dict(options):
            options.append((chosen, str(Account.objects.filter(pk=chosen).first() or "an account")))
        self.fields["account"].choices = options  # type: ignore[attr-defined]

    @property
    def words(self) -> StoryWords:
        """What a form without errors says."""
        given = {name: self.cleaned_data[name] for name in FIELDS}
        account = self.cleaned_data["account"]
        return StoryWords(**given, account_id=UUID(account) if account else None)


@staff_page("outbox.view")
@require_safe
def stories(request: StaffRequest) -> HttpResponse:
    """What can be told of customers."""
    rows = Story.objects.filter(is_off=False).select_related("account").order_by("-created_at", "-id")
    return render(request, "outbox/stories.html", {"rows": list(rows[:CHOICES])})


@staff_page("sending.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def story_new(request: StaffRequest) -> HttpResponse:
    """Write one down."""
    return _story(request, None)


@staff_page("sending.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def story(request: StaffRequest, story_id: UUID) -> HttpResponse:
    """Change one."""
    return _story(request, get_object_or_404(Story, pk=story_id))


def _story(request: StaffRequest, row: Story | None) -> HttpResponse:
    initial = {name: getattr(row, name) for name in FIELDS} | {"account": row.account_id or ""} if row else {}
    form = StoryForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            story_save(words=form.words, story=row, actor=actor_of(request))
        except ValidationError as error:
            for name, told in error.message_dict.items():
                form.add_error(name if name in form.fields else None, told)
        else:
            flash.success(request, "Kept. Messages rendered from now on tell it to whom it fits.")
            return redirect("outbox:stories", tenant=request.tenant.slug)
    return render(request, "outbox/story.html", {"story": row, "form": form}, status=422 if form.errors else 200)


@staff_page("sending.edit")
@require_POST
def story_gone(request: StaffRequest, story_id: UUID) -> HttpResponse:
    """Tell it no more."""
    row = get_object_or_404(Story, pk=story_id)
    if story_remove(story=row, actor=actor_of(request)):
        flash.success(request, f"“{row.title}” is told no more.")
    return redirect("outbox:stories", tenant=request.tenant.slug)
