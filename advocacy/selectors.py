from __future__ import annotations

from django.db.models import QuerySet

from advocacy.models import Candidate


def roster(*, status: str = "", search: str = "") -> QuerySet[Candidate]:
    """Candidates with contact and account, those who still qualify first, then the newest."""
    candidates = Candidate.objects.select_related("contact", "account", "decided_by")
    if status:
        candidates = candidates.filter(status=status)
    if search:
        candidates = candidates.filter(account__name__icontains=search)
    found: QuerySet[Candidate] = candidates.order_by("-qualifies", "-found_at", "-pk")
    return found
