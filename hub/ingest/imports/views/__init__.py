"""The pages of imports: one module for each."""

from hub.ingest.imports.views.history import run_list
from hub.ingest.imports.views.mappings import mapping_download, mapping_list, mapping_page, mapping_remove
from hub.ingest.imports.views.quarantine import mend, quarantine, quarantine_download
from hub.ingest.imports.views.run import cancel, check, keep, kept_download, run_page, start, undo
from hub.ingest.imports.views.setup import file_page, run_new, run_settings, run_yaml

__all__ = [
    "cancel",
    "check",
    "file_page",
    "keep",
    "kept_download",
    "mapping_download",
    "mapping_list",
    "mapping_page",
    "mapping_remove",
    "mend",
    "quarantine",
    "quarantine_download",
    "run_list",
    "run_new",
    "run_page",
    "run_settings",
    "run_yaml",
    "start",
    "undo",
]
