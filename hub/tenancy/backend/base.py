from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from hub.tenancy.backend.features import DatabaseFeatures
from hub.tenancy.backend.operations import DatabaseOperations
from hub.tenancy.backend.schema import DatabaseSchemaEditor


class DatabaseWrapper(PostgresWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
