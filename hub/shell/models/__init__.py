from hub.shell.models.view import DefaultView, SavedView

__all__ = ["DefaultView", "SavedView"]
