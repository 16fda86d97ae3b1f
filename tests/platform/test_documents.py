"""Documents that fail the build when they lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from hub.ingest.imports.entities import load
from hub.registry.exports import export_lists
from hub.registry.outgoing import outgoing_kinds
from journeys.node_kinds import node_kinds
from qbr.blocks import KINDS
from signals.catalogue import SHIPPED

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = ("config", "hub.", "signals", "journeys", "qbr", "advocacy", "metrics")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), target


def test_every_shipped_trigger_is_documented() -> None:
    text = (ROOT / "docs" / "signals.md").read_text()
    assert set(re.findall(r"^\| `([a-z0-9-]+)`", text, re.MULTILINE)) == {shipped.key for shipped in SHIPPED}


def test_every_import_entity_and_field_is_documented() -> None:
    text = (ROOT / "docs" / "imports.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    for entity in load():
        for name, spec in entity.fields.items():
            said = f"**{name}**" if spec.required else name
            assert said in rows[entity.key], f"{entity.key}.{name}"
    assert set(rows) == {entity.key for entity in load()}


def test_every_outgoing_kind_is_documented_with_its_data() -> None:
    text = (ROOT / "docs" / "webhooks-out.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z._]+)` \| .+ \| (.+) \|$", text, re.MULTILINE))
    told = {kind.key: re.findall(r"`(\w+)`", rows[kind.key]) for kind in outgoing_kinds}
    assert told == {kind.key: list(kind.data) for kind in outgoing_kinds}
    assert set(rows) == set(told)


def test_every_export_list_is_documented_with_its_filters() -> None:
    text = (ROOT / "docs" / "exports.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text, re.MULTILINE))
    told = {item.key: re.findall(r"`(\w+)`", rows[item.key]) for item in export_lists}
    assert told == {item.key: list(item.filters) for item in export_lists}


def test_every_command_step_kind_and_block_is_documented() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    commands = {name for name, app in get_commands().items() if app.startswith(OURS)}
    for name in [*commands, *(kind.key for kind in node_kinds), *KINDS]:
        assert re.search(rf"\b{re.escape(name)}\b", text), f"{name} stands in no document"
