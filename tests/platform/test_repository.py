"""What the repository says about itself is so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.celery import QUEUES
from tests.services import ROOT

PRODUCT = ("config", "hub", "signals", "journeys", "qbr", "advocacy", "metrics")
# Set by the machine, by CI, by Django and by the tools of the tests.
NOT_OURS = {"CI", "PATH", "SUDO_UID"}
TOOLS = ("DJANGO_", "PYTEST_", "XDG_", "PLAYWRIGHT_")


def read(name: str) -> str:
    return (ROOT / name).read_text()


def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return found


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt", "package-lock.json"]
)
def test_lock_files_hold_no_address(name: str) -> None:
    assert "://" not in read(name)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"])
def test_every_locked_package_has_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", read(name).strip())
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_dependency_is_explained_and_no_other() -> None:
    declared = {re.split(r"[\[><=! ;]", line)[0] for line in project()["project"]["dependencies"]}
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", read("docs/dependencies.md"), re.MULTILINE)) - {"package", "---"}
    assert explained == declared


def asked_for() -> set[str]:
    """The environment variables that the product, its tests and benchmarks ask for."""
    asking = re.compile(r'(?:environ\.get\(|environ\[|environment\.value\()\s*"([A-Z_]+)"')
    files = [path for top in (*PRODUCT, "tests", "bench") for path in (ROOT / top).rglob("*.py")]
    return {name for path in files for name in asking.findall(path.read_text())}


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", read("docs/settings.md"), re.MULTILINE))
    missing = asked_for() - documented - NOT_OURS
    assert {name for name in missing if not name.startswith(TOOLS)} == set()


def test_every_documented_setting_is_read_somewhere() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", read("docs/settings.md"), re.MULTILINE))
    # Asked for by a name put together at run time, or by make.
    elsewhere = {name for name in documented if f"$({name})" in read("Makefile")} | {"DATABASE_ADMIN_URL"}
    assert documented - asked_for() - elsewhere == set()


def test_import_floors_cover_every_package() -> None:
    linted = set(project()["tool"]["importlinter"]["root_packages"])
    assert linted == {name for name in PRODUCT if any((ROOT / name).glob("*.py"))}


def test_every_target_of_make_says_what_it_does() -> None:
    makefile = read("Makefile")
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert phony == set(re.findall(r"^([a-z-]+):.*## .+$", makefile, re.MULTILINE))


def test_every_queue_has_a_worker_in_production() -> None:
    commands = [str(service.get("command", "")) for service in compose()["services"].values()]
    served = {
        name for command in commands for names in re.findall(r"--queues (\S+)", command) for name in names.split(",")
    }
    assert served == set(QUEUES)


def test_only_the_migration_knows_the_migrator_in_production() -> None:
    knowing = {name for name, service in compose()["services"].items() if "MIGRATOR" in str(service.get("environment"))}
    assert knowing == {"migrate", "postgres"}


def test_production_pins_images_asks_for_secrets_and_checks_health() -> None:
    services = compose()["services"]
    for name, service in services.items():
        assert re.search(r":v?\d", service.get("image", ":1")) or service["image"] == "tandem"
        assert "healthcheck" in service or name == "migrate"
    assert len(re.findall(r"\$\{(?:\w*PASSWORD|SECRET_KEY|PUBLIC_URL)[^:]", read("docker-compose.yml"))) == 0
    assert services["clock"]["deploy"]["replicas"] == 2


def test_the_example_environment_names_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", read("docker-compose.yml")))
    assert asked == set(re.findall(r"^([A-Z_]+)=", read(".env.example"), re.MULTILINE))


def test_nothing_of_a_developers_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [
        Path(ROOT, name)
        for name in listed.decode().split("\0")
        if name.endswith((".py", ".md", ".toml", ".txt", ".yml"))
    ]
    home = re.compile(r"(?<![\w.])/(?:root|work|home/\w+)/")
    assert [path for path in names if path.exists() and home.search(path.read_text())] == []


@pytest.mark.slow
def test_the_deployment_checks_of_django_are_clean() -> None:
    command = [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level=WARNING"]
    environment = {
        "PUBLIC_URL": "https://hub.example.com",
        "SECRET_KEY": "0123456789abcdef" * 4,
        "HUB_HOME": "/nonexistent",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
