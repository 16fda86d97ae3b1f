"""A person's task: for the account's owner, or for marketing (nobody in particular, open to all)."""

from __future__ import annotations

from hub.outbox.rendering import TemplateError, render_text
from hub.work.services import task_open
from journeys.steps.base import Answer, Go, Stand, Step, steps
from journeys.waits import due_at, parse_wait


def run(stand: Stand) -> Answer:
    config, world, account_id = stand.node.config, stand.world, stand.enrollment.account_id
    values = world.values(account_id, None, stand.signal)
    days = config.get("due_business_days", 1)
    rule = parse_wait({"business_days": days, "at": "17:00"} if days else {"hours": 1})
    try:
        title = " ".join(render_text(config["title"], values, part="title").split())
        playbook = render_text(config.get("body", ""), values, part="body")
    except TemplateError as error:
        return Go(outcome="failed", reason=f"template: {error}"[:200])
    task = task_open(
        account_id=account_id,
        title=title,
        origin_key=stand.key,
        origin="journey",
        origin_label=stand.journey.name,
        playbook=playbook,
        playbook_key=str(config.get("playbook", "")),
        respond_hours=config.get("respond_hours"),
        due_at=due_at(rule, world.now, world.zone(account_id), world.calendar),
    )
    gone = {"playbook_gone": config["playbook"]} if config.get("playbook") and not task.playbook_version_id else {}
    return Go(evidence={"task": str(task.pk), **gone})


steps.register(Step("task", run, acts=True, holds_out=True))
