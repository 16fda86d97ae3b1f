"""Bodies without a length, at the web server that serves the product: read up to the limit and never beyond."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.core.cache import cache

from config.embedded.server import free_port
from config.startup import answers
from hub.accounts.models import Account
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR

ROOT = Path(__file__).parents[2]
MEGABYTE = b" " * 1_000_000


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """Port and process id of one web worker on the test's database."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", "2", "--no-ws", "--log-level", "warning", "config.wsgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PORT": str(port)})
    try:
        assert answers(f"http://127.0.0.1:{port}/livez", seconds=60)
        yield port, _worker_of(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _worker_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max((int(child) for child in children), key=_megabytes)


def _megabytes(pid: int) -> float:
    """The most memory that the process has had."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def chunked(port: int, method: str, path: str, body: Iterable[bytes], **headers: str) -> tuple[int, str]:
    """Send a body in chunks until it ends or the server has enough; the status and text of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path)
    for name, value in {"Content-Type": "application/json", "Transfer-Encoding": "chunked", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for part in body:
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    with closing(connection):
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_chunked_bodies_are_read_up_to_the_limit(acme: Tenant, server: tuple[int, int]) -> None:
    cache.clear()
    port, worker = server
    key = credential_create(tenant=acme, name="chunks", actor=ACTOR)[1]
    bearer = {"Authorization": f"Bearer {key}"}
    batch = json.dumps({"writeKey": key, "batch": [{"type": "track", "userId": "u", "event": "Seen"}]}).encode()

    assert chunked(port, "POST", "/v1/batch", [batch[:20], batch[20:]])[0] == 200
    name = b'{"name": "In chunks"}'
    assert chunked(port, "PUT", "/api/v1/accounts/by/crm/a-1", [name[:5], name[5:]], **bearer)[0] == 201
    with tenant_context(acme):
        assert Account.objects.filter(name="In chunks").exists()

    before = _megabytes(worker)
    assert chunked(port, "POST", "/v1/batch", (MEGABYTE for _ in range(60)))[0] == 413
    status, text = chunked(port, "PUT", "/api/v1/accounts/by/crm/a-2", (MEGABYTE for _ in range(60)), **bearer)
    assert (status, json.loads(text)["status"]) == (413, 413)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert chunked(port, "POST", "/accounts/login/", (MEGABYTE for _ in range(60)), **form)[0] == 413
    assert _megabytes(worker) - before < 30
