"""PostgreSQL backend that writes tenancy into the schema.

Every table with a :class:`~hub.tenancy.fields.TenantField` gets its composite primary key, forced row level
security, one policy and grants for the app role when Django creates it; every
:class:`~hub.tenancy.fields.TenantForeignKey` becomes a composite foreign key. Nothing has to be remembered in a
migration, and the catalogue test (``tests/architecture``) reads the result back.
"""
