from django.db.backends.postgresql.features import DatabaseFeatures as PostgresFeatures


class DatabaseFeatures(PostgresFeatures):
    # The database key of a tenant table is (tenant_id, id): grouping by `id` alone does not make the other
    # columns functionally dependent, so `annotate(Count())` must name them all.
    allows_group_by_selected_pks = False
