from hub.shell.models.bulk import UNDOABLE, UNFINISHED, BulkEdit, BulkEditItem, BulkStatus, ItemStatus
from hub.shell.models.view import DefaultView, SavedView

__all__ = [
    "UNDOABLE",
    "UNFINISHED",
    "BulkEdit",
    "BulkEditItem",
    "BulkStatus",
    "DefaultView",
    "ItemStatus",
    "SavedView",
]
