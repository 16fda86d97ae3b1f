"""Migration operations for what the schema editor does not see: tables made by SQL, narrower grants, secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.migrations.operations.base import Operation

from hub.tenancy.backend.schema import TENANT_POLICY
from hub.tenancy.sealing import place, seal, unseal


class ProtectTable(Operation):
    """Force row level security with the tenant policy on a table made by SQL, and grant `grants` to the app role."""

    reversible = True

    def __init__(self, table: str, grants: str) -> None:
        self.table = table
        self.grants = grants

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's state knows nothing of policies."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.protect_tenant_table(self.table, TENANT_POLICY)
        schema_editor.execute(f'GRANT {self.grants} ON "{self.table}" TO "{settings.DATABASE_APP_ROLE}"', None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f'REVOKE ALL ON "{self.table}" FROM "{settings.DATABASE_APP_ROLE}"', None)
        schema_editor.execute(f'DROP POLICY tenant ON "{self.table}"', None)

    def describe(self) -> str:
        return f"Force row level security on {self.table}"


class Regrant(Operation):
    """Leave the app role only `grants` on `table` (an append-only ledger takes INSERT and SELECT)."""

    reversible = True

    def __init__(self, table: str, grants: str) -> None:
        self.table = table
        self.grants = grants

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's state knows nothing of grants."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        role = settings.DATABASE_APP_ROLE
        schema_editor.execute(f'REVOKE ALL ON "{self.table}" FROM "{role}"', None)
        schema_editor.execute(f'GRANT {self.grants} ON "{self.table}" TO "{role}"', None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        role = settings.DATABASE_APP_ROLE
        schema_editor.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{self.table}" TO "{role}"', None)

    def describe(self) -> str:
        return f"Leave the app role {self.grants} on {self.table}"


class GrantFunction(Operation):
    """Let the app role, and nobody else, call a function that runs with its owner's rights."""

    reversible = True

    def __init__(self, function: str) -> None:
        self.function = function

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's state knows nothing of functions."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {self.function} FROM PUBLIC", None)
        schema_editor.execute(f'GRANT EXECUTE ON FUNCTION {self.function} TO "{settings.DATABASE_APP_ROLE}"', None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """The function itself is dropped by the SQL beside this operation."""

    def describe(self) -> str:
        return f"Let the app role call {self.function}"


class SealSecrets(Operation):
    """Seal what stands in plain text in these columns of a table (`SecretField`), of every tenant."""

    reversible = True
    reduces_to_sql = False

    def __init__(self, table: str, *columns: str) -> None:
        self.table = table
        self.columns = columns

    def deconstruct(self) -> tuple[str, list[str], dict[str, Any]]:
        return type(self).__name__, [self.table, *self.columns], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The columns are the business of the operation beside this one."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._rewrite(schema_editor, seal)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._rewrite(schema_editor, lambda text, where: text)

    def _rewrite(self, schema_editor: Any, change: Callable[[str, str], str]) -> None:
        with schema_editor.connection.cursor() as cursor:
            for column in self.columns:
                cursor.execute(f'SELECT tenant_id, id, "{column}" FROM "{self.table}" WHERE "{column}" <> %s', [""])
                for tenant_id, pk, text in cursor.fetchall():
                    where = place(self.table, column, tenant_id, pk)
                    cursor.execute(
                        f'UPDATE "{self.table}" SET "{column}" = %s WHERE tenant_id = %s AND id = %s',
                        [change(unseal(text, where), where), tenant_id, pk],
                    )

    def describe(self) -> str:
        return f"Seal {', '.join(self.columns)} of {self.table}"
