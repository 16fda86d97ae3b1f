"""What other apps may ask of QBRs by name."""

from __future__ import annotations

from hub.accounts.facts import today_of
from hub.people.audit import SYSTEM
from hub.registry.actions import Action, ActionRequest, ActionResult, actions
from hub.tenancy.models import Tenant
from qbr.models import QbrBlock
from qbr.services import line_add, quarter_of

UPDATE = "qbr.update"


def update(request: ActionRequest) -> ActionResult:
    """Append a line to a block of the account's QBR of this quarter.

    It is written in the transaction that moves whoever asks, who asks once: a repetition was rolled back before.
    """
    quarter = quarter_of(today_of(Tenant.objects.get(pk=request.tenant_id)))
    kind, text = str(request.params["block"]), str(request.params["text"]).strip()
    blocks = QbrBlock.objects.select_related("qbr").filter(qbr__account_id=request.account_id, kind=kind)
    block = blocks.filter(qbr__quarter=quarter.name).order_by("position").first()
    if block is None:
        return ActionResult(False, "no_qbr", f"the account has no QBR of {quarter.name} with such a block")
    if not text:
        return ActionResult(False, "nothing_to_say", "the line came out empty")
    line_add(block=block, text=text, user=None, actor=SYSTEM, internal=not request.params.get("shared"))
    return ActionResult(True, text=f"a line in the QBR of {quarter.name}")


def register() -> None:
    params = {"block": "kind of the block", "text": "the line", "shared": "whether the customer sees it"}
    actions.register(Action(UPDATE, "Update the QBR", update, params))
