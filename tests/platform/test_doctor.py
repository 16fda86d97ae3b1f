"""`manage.py doctor` finds what is wrong and says how to mend it."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from config import doctor
from config.doctor import Finding, findings
from hub.tenancy.models import Heartbeat


def found(name: str) -> Finding:
    return next(finding for finding in findings() if finding.name == name)


@pytest.mark.django_db
def test_a_sound_database_has_no_finding_to_mend() -> None:
    for process in ("worker", "clock"):
        Heartbeat.objects.create(process=process, beat_at=timezone.now())
    names = {"Python", "PostgreSQL", "Redis", "Redis eviction", "database role", "migrations", "row level security"}
    seen = {finding.name: finding for finding in findings()}
    assert [seen[name].mend for name in sorted(names | {"worker", "clock"})] == [""] * 9
    assert "tandem_app" in seen["database role"].detail


@pytest.mark.django_db
def test_a_worker_that_copies_through_a_temporary_table_owns_no_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE passing (id int) ON COMMIT DROP")
    assert found("database role").ok


@pytest.mark.django_db
def test_a_silent_worker_is_found() -> None:
    assert not found("worker").ok
    beat = Heartbeat.objects.create(process="worker", beat_at=timezone.now() - timedelta(minutes=5))
    assert "300 s ago" in found("worker").detail
    assert not found("worker").ok
    Heartbeat.objects.filter(pk=beat.pk).update(beat_at=timezone.now())
    assert found("worker").ok


@pytest.mark.django_db(transaction=True)
def test_a_tenant_table_without_its_policy_is_named(migrator: psycopg.Connection) -> None:
    migrator.execute("ALTER TABLE accounts_account NO FORCE ROW LEVEL SECURITY")
    try:
        finding = found("row level security")
    finally:
        migrator.execute("ALTER TABLE accounts_account FORCE ROW LEVEL SECURITY")
    assert finding.detail == "no policy on accounts_account"
    assert not finding.ok
    assert found("row level security").ok


@pytest.mark.django_db
def test_a_mail_server_that_does_not_answer_is_named(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_SSL = "127.0.0.1", 1, False
    finding = found("mail")
    assert finding.detail.startswith("127.0.0.1:1: ")
    assert "EMAIL_URL" in finding.mend


@pytest.mark.django_db
def test_redis_that_is_away_is_found_and_the_rest_is_still_looked_at(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "REDIS_URL" in found("Redis").mend
    assert found("migrations").ok


def test_a_package_that_is_not_as_locked_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = "django==1.0 \\\n    --hash=sha256:aa\nno-such-package==2\nother==1 ; python_version < '3'\n"
    (tmp_path / "requirements.txt").write_text(lock)
    monkeypatch.setattr(doctor, "BASE_DIR", tmp_path)
    finding = next(doctor._packages())
    assert finding.detail.endswith("locked ==1.0; no-such-package is missing")
    assert finding.mend == "make install"


@pytest.mark.django_db
def test_the_command_lists_the_problems_and_fails(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("PROBLEM  Redis"))
    assert "→ start it (make run)" in lines[at + 1]


@pytest.mark.django_db
def test_a_health_check_asks_for_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("doctor", only="clock")
    Heartbeat.objects.create(process="clock", beat_at=timezone.now())
    capsys.readouterr()
    call_command("doctor", only="clock")
    assert capsys.readouterr().out.startswith("ok       clock")
    with pytest.raises(CommandError, match="'clok'"):
        call_command("doctor", only="clok")


def test_a_command_without_a_running_hub_says_what_to_do(tmp_path: Path) -> None:
    own = ("DATABASE_URL", "DATABASE_ADMIN_URL", "DATABASE_DIRECT_URL")
    alone = {name: value for name, value in os.environ.items() if name not in own} | {"HUB_HOME": str(tmp_path)}
    alone["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/nothing"
    command = [sys.executable, "manage.py", "create_tenant", "acme", "--name", "Acme"]
    ended = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "make run" in ended.stderr
    assert "Traceback" not in ended.stderr
