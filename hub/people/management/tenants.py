from django.core.management.base import CommandError

from hub.tenancy.models import Tenant


def tenant_or_error(slug: str) -> Tenant:
    """Return the tenant with `slug`; raise CommandError that names the ones there are."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(Tenant.objects.values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"unknown tenant {slug!r} (known: {known}); make it with create_tenant")
    return tenant
