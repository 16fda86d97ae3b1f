"""What people do with imports: set up, check, start, cancel, undo, mend; and mappings kept under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from hub.ingest.imports import drafts
from hub.ingest.imports.mapping import as_yaml
from hub.ingest.imports.preflight import ImportProblem, mapping_read
from hub.ingest.imports.storage import MAX_FILES, Sent, TooLarge, upload_store
from hub.ingest.imports.work import QUEUE
from hub.ingest.models import ImportMapping, ImportRun, ImportUpload
from hub.people.audit import Actor, audit
from hub.tenancy.live import announce
from hub.tenancy.wake import wake

Status = ImportRun.Status
# What each step may be taken from.
STARTABLE: Final = (Status.DRAFT,)
CANCELLABLE: Final = (Status.DRAFT, Status.CHECKING, Status.RUNNING)
UNDOABLE: Final = (Status.DONE, Status.CANCELLED, Status.FAILED)


class RunProblem(ValueError):
    """A step that cannot be taken; `problems` say why, for people."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@transaction.atomic
def run_create(
    *, files: Sequence[Sent], actor: Actor, saved: ImportMapping | None = None, mends: ImportRun | None = None
) -> ImportRun:
    """Keep uploaded files as a new import; a worker reads them and suggests a mapping. Raises RunProblem."""
    if not files:
        raise RunProblem("Choose at least one file.")
    if len(files) > MAX_FILES:
        raise RunProblem(f"At most {MAX_FILES} files at once; there were {len(files)}.")
    template = mends or saved
    run: ImportRun = ImportRun.objects.create(
        source="files",
        mapping=saved.name if saved else mends.mapping if mends else "",
        status=Status.DRAFT,
        origin=ImportRun.Origin.BROWSER,
        started_by=actor.label,
        tree=(drafts.tree_of(saved.content) if saved else mends.tree if mends else {}) if template else {},
        historical=mends.historical if mends else False,
        mends=mends,
    )
    try:
        for position, sent in enumerate(files):
            upload_store(run, position, sent)
    except TooLarge as error:
        transaction.set_rollback(True)
        raise RunProblem(str(error)) from None
    names = [upload.name for upload in run.uploads.all()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        transaction.set_rollback(True)
        raise RunProblem(f"Two files are called {twice[0]}.")
    audit(actor, "import.upload", run, files=len(files), mends=str(mends.pk) if mends else None)
    wake(QUEUE)
    return run


@transaction.atomic
def mapping_edit(*, run: ImportRun, tree: Mapping[str, Any], actor: Actor) -> None:
    """Replace the mapping of a run that is being set up; what a check counted is no longer so. Raises RunProblem."""
    held = _held(run, STARTABLE)
    held.tree = {**tree, "files": drafts.in_order(list(tree.get("files") or []))}
    held.source, held.checked = str(tree.get("source") or "files")[:50], None
    held.save(update_fields=["tree", "source", "checked"])
    audit(actor, "import.mapping", held)


@transaction.atomic
def run_check(*, run: ImportRun, actor: Actor) -> None:
    """Ask for a dry run. Raises RunProblem while the mapping cannot be used."""
    held = _held(run, STARTABLE)
    _ready(held)
    held.status, held.claim, held.claimed_until, held.checked = Status.CHECKING, None, None, None
    held.save(update_fields=["status", "claim", "claimed_until", "checked"])
    audit(actor, "import.check", held)
    announce("imports")
    wake(QUEUE)


@transaction.atomic
def run_start(*, run: ImportRun, actor: Actor, historical: bool) -> None:
    """Start the import. Raises RunProblem while the mapping cannot be used, or when it was started before."""
    held = _held(run, STARTABLE)
    _ready(held)
    held.status, held.claim, held.claimed_until = Status.RUNNING, None, None
    held.historical, held.started_at, held.started_by = historical, timezone.now(), actor.label
    held.save(update_fields=["status", "claim", "claimed_until", "historical", "started_at", "started_by"])
    audit(actor, "import.start", held, mapping=held.mapping, historical=historical)
    announce("imports")
    wake(QUEUE)


def _ready(run: ImportRun) -> None:
    if run.uploads.filter(status=ImportUpload.Status.STORED).exists():
        raise RunProblem("The files are still being read.")
    if not run.tree.get("files"):
        raise RunProblem("There is no file to import.")
    if problems := drafts.problems_of(run):
        raise RunProblem(*problems)


@transaction.atomic
def run_cancel(*, run: ImportRun, actor: Actor) -> None:
    """Stop an import: what is committed stays and can be undone; one that never started is forgotten.

    A check stops and leaves the set-up as it was: to forget that too is another step.
    """
    held = _held(run, CANCELLABLE)
    audit(actor, "import.cancel", held)
    announce("imports")
    if held.status == Status.CHECKING:
        held.status, held.claim, held.claimed_until = Status.DRAFT, None, None
        held.save(update_fields=["status", "claim", "claimed_until"])
        return
    if held.status != Status.RUNNING:
        held.delete()
        return
    held.status, held.claimed_until = Status.CANCELLED, None
    held.save(update_fields=["status", "claimed_until"])
    # A worker tells of the accounts that had changed until now.
    wake(QUEUE)


@transaction.atomic
def run_undo(*, run: ImportRun, actor: Actor) -> None:
    """Ask for an import to be taken back; a worker does it batch by batch."""
    held = _held(run, UNDOABLE)
    held.status, held.claim, held.claimed_until = Status.UNDOING, None, None
    held.origin, held.undone_by = ImportRun.Origin.BROWSER, actor.label
    held.save(update_fields=["status", "claim", "claimed_until", "origin", "undone_by"])
    audit(actor, "import.undo", held)
    announce("imports")
    wake(QUEUE)


def _held(run: ImportRun, allowed: Sequence[str]) -> ImportRun:
    """The run, locked; RunProblem unless it is in one of the states."""
    # Rows that point at the run, written by a check of which nothing is committed, keep nobody waiting.
    held: ImportRun = ImportRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if held.status not in allowed:
        raise RunProblem(f"The import is {held.get_status_display().lower()}: this cannot be done now.")
    return held


# --- Saved mappings -------------------------------------------------------------------------------------------------


@transaction.atomic
def mapping_keep(*, name: str, content: str, actor: Actor) -> ImportMapping:
    """Keep a mapping under a name, over an older one of that name. Raises RunProblem when it cannot be used."""
    name = name.strip()
    if not name or len(name) > 200:
        raise RunProblem("A name of 1 to 200 characters is needed.")
    if len(content) > 1_000_000:
        raise RunProblem("A mapping has at most 1,000,000 characters.")
    try:
        mapping_read(content, name=name)
    except ImportProblem as problem:
        raise RunProblem(*problem.problems) from None
    kept: ImportMapping
    kept, _ = ImportMapping.objects.update_or_create(
        name=name, defaults={"content": content, "updated_at": timezone.now(), "updated_by": actor.label}
    )
    audit(actor, "import.mapping_keep", kept)
    return kept


def run_mapping_keep(*, run: ImportRun, name: str, actor: Actor) -> ImportMapping:
    """Keep the mapping of a run; its next files are found by pattern and columns."""
    kept = mapping_keep(name=name, content=as_yaml(run.tree), actor=actor)
    ImportRun.objects.filter(pk=run.pk).update(mapping=kept.name)
    return kept


@transaction.atomic
def mapping_forget(*, mapping: ImportMapping, actor: Actor) -> None:
    """Remove a saved mapping; imports that used it keep their copy."""
    audit(actor, "import.mapping_forget", mapping, name=mapping.name)
    mapping.delete()
