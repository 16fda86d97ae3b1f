"""What the content security policy and the lock files ask of the sources, read from the sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A mail brings its styles along; no policy of ours reaches into a mailbox.
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
ICONS = (ROOT / "static" / "icons.txt").read_text().split()


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_templates_have_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or "application/json" in script


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_every_icon_that_a_template_names_is_in_the_set(path: Path) -> None:
    named = set(re.findall(r'{%\s*(?:icon|empty_state)\s+"([\w-]+)"', path.read_text()))
    assert named <= set(ICONS)


def test_every_icon_of_the_navigation_is_in_the_set() -> None:
    for path in ROOT.glob("*/**/apps.py"):
        if ".venv" in path.parts or "node_modules" in path.parts:
            continue
        assert set(re.findall(r'icon="([\w-]+)"', path.read_text())) <= set(ICONS), path


def test_the_icon_list_is_sorted_and_without_repeats() -> None:
    assert sorted(set(ICONS)) == ICONS


def test_the_lock_file_names_no_host() -> None:
    assert "http" not in (ROOT / "package-lock.json").read_text()


def test_the_styles_fetch_nothing_from_elsewhere() -> None:
    for path in (ROOT / "static" / "src").rglob("*.css"):
        assert not re.search(r"url\(|https?:", path.read_text()), path
