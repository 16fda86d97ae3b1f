"""Live updates: `GET /events/t/<tenant>/` streams server-sent events to signed-in staff.

One connection listens to PostgreSQL; what it hears is handed to the open streams of the tenant in memory. An event is
the name of what has changed (`signals`, `tasks`, …) and nothing else: the page asks for the rest, and gets what its
person may see. Whether somebody may still listen is asked when they connect, with every push and with every heartbeat.
While PostgreSQL cannot be listened to there are no streams either: pages notice, and poll.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import Error, connections
from django.http import parse_cookie

from hub.people.visitors import Visitor, still_welcome, visitor_of
from hub.tenancy.live import CHANNEL, read_announcement

log = logging.getLogger("tandem.events")

STREAM_PATH: Final = re.compile(r"^/events/t/(?P<slug>[a-z0-9-]+)/$")
HEARTBEAT_SECONDS: Final = 15.0
# Between two pushes: what comes in meanwhile goes out as one.
BREATH_SECONDS: Final = 0.1
BACK_OFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
# How soon a browser comes back after a stream has ended.
RETRY_MS: Final = 1000
# The page need not come back: its person has signed out, or has left the tenant.
OVER: Final = b"event: over\ndata: 1\n\n"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")


@dataclass(eq=False)
class Stream:
    """One open page. Topics pile up as a set, so a slow reader costs nothing."""

    visitor: Visitor
    topics: set[str] = field(default_factory=set)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    gone: bool = False

    def push(self, topics: Iterable[str]) -> None:
        self.topics.update(topics)
        self.ready.set()

    def end(self, *, over: bool = False) -> None:
        """Close it; `over` tells the page not to come back."""
        self.over, self.gone = over, True
        self.ready.set()

    def take(self) -> bytes:
        """What to send now: an event per topic, or a comment that keeps the line alive."""
        topics, self.topics = sorted(self.topics), set()
        self.ready.clear()
        return b"".join(f"event: {topic}\ndata: 1\n\n".encode() for topic in topics) or b": beat\n\n"


class Switchboard:
    """The open streams by tenant, and what has been heard for them."""

    def __init__(self) -> None:
        self.streams: dict[UUID, set[Stream]] = {}
        self.heard: dict[UUID, set[str]] = {}
        self.news = asyncio.Event()
        self.listening = self.closed = False
        # Django's connections belong to threads: one thread, one connection.
        self._database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    async def ask(self, question: Callable[[], T]) -> T:
        """Run a database read in the thread that is there for it."""

        def asked() -> T:
            try:
                return question()
            finally:
                connections["default"].close()

        return await asyncio.get_running_loop().run_in_executor(self._database, asked)

    def add(self, stream: Stream) -> None:
        self.streams.setdefault(stream.visitor.tenant_id, set()).add(stream)

    def remove(self, stream: Stream) -> None:
        tenant_id = stream.visitor.tenant_id
        open_ones = self.streams.get(tenant_id, set())
        open_ones.discard(stream)
        if not open_ones:
            self.streams.pop(tenant_id, None)

    def end_all(self) -> None:
        for stream in self._all():
            stream.end()

    def close(self) -> None:
        """End every stream and open no more."""
        self.closed = True
        self.end_all()

    @property
    def is_open(self) -> bool:
        return self.listening and not self.closed

    def _all(self) -> list[Stream]:
        return [stream for open_ones in self.streams.values() for stream in open_ones]

    def hear(self, payload: str) -> None:
        """Take an announcement in; for tenants that nobody watches it ends here."""
        try:
            tenant_id, topic = read_announcement(payload)
        except ValueError:
            log.warning("not an announcement: %r", payload[:100])
            return
        if tenant_id in self.streams:
            self.heard.setdefault(tenant_id, set()).add(topic)
            self.news.set()

    async def listen(self) -> None:
        """Listen for ever. After a break every stream ends, because nobody knows what it has missed."""
        failures = 0
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(settings.DATABASE_DIRECT_URL, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.listening, failures = True, 0
                    async for notice in connection.notifies():
                        self.hear(notice.payload)
            except psycopg.Error as error:
                log.warning("cannot listen to PostgreSQL: %s", str(error).splitlines()[0] if str(error) else error)
            self.listening = False
            self.end_all()
            await asyncio.sleep(BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS) - 1)])
            failures += 1

    async def deliver(self) -> None:
        """Push what was heard to those who may hear it, and look at everybody once per heartbeat."""
        beat_at = time.monotonic() + HEARTBEAT_SECONDS
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), max(beat_at - time.monotonic(), 0))
            self.news.clear()
            heard, self.heard = self.heard, {}
            beats = time.monotonic() >= beat_at
            concerned = self._all() if beats else [s for t in heard for s in self.streams.get(t, ())]
            await self._push(concerned, heard)
            if beats:
                beat_at = time.monotonic() + HEARTBEAT_SECONDS
            await asyncio.sleep(BREATH_SECONDS)

    async def _push(self, streams: list[Stream], heard: dict[UUID, set[str]]) -> None:
        if not streams:
            return
        visitors = {stream.visitor for stream in streams}
        try:
            welcome = await self.ask(lambda: still_welcome(visitors))
        except Error as error:
            # Nobody knows who may listen: let them come back and be asked again.
            log.warning("cannot check who listens: %s", error)
            self.end_all()
            return
        for stream in streams:
            if stream.visitor in welcome:
                stream.push(heard.get(stream.visitor.tenant_id, set()))
            else:
                stream.end(over=True)


def allowed_origins() -> set[str]:
    """Pages that may open a stream with their cookie; the same as in the content policy, seen from the other side."""
    local = {f"http://{host}:{settings.PORT}" for host in ("localhost", "127.0.0.1")}
    return {settings.PUBLIC_URL} if settings.IS_HTTPS else {settings.PUBLIC_URL, *local}


class Application:
    """The ASGI application: streams, and /livez for whoever watches the process."""

    def __init__(self) -> None:
        self.board: Switchboard | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.board = Switchboard()
        self.tasks = {asyncio.create_task(self.board.listen()), asyncio.create_task(self.board.deliver())}
        kept = _before_stopping(self.board.close)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        signal.set_wakeup_fd(-1)
        for end in kept:
            end.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.board is not None
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        match = STREAM_PATH.match(scope["path"])
        if scope["path"] == "/livez":
            await _say(send, 200 if self.board.is_open else 503)
        elif match is None or scope["method"] != "GET":
            await _say(send, 404)
        elif origin and origin not in allowed_origins():
            await _say(send, 403)
        elif not self.board.is_open:
            await _say(send, 503, origin)
        else:
            session_key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME, "")
            visitor = await self.board.ask(lambda: visitor_of(session_key=session_key, slug=match["slug"]))
            if visitor is None:
                # Whether the tenant exists is nobody's business who does not belong to it.
                await _say(send, 404, origin)
            else:
                await self._stream(Stream(visitor), origin, receive, send)

    async def _stream(self, stream: Stream, origin: str, receive: Receive, send: Send) -> None:
        assert self.board is not None
        self.board.add(stream)
        leaving = asyncio.create_task(_until_left(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _headers(origin, stream=True)})
            await _body(send, f"retry: {RETRY_MS}\n\n".encode())
            while True:
                await stream.ready.wait()
                if stream.gone:
                    break
                await _body(send, stream.take())
            await _body(send, OVER if stream.over else b"", more=False)
        finally:
            self.board.remove(stream)
            leaving.cancel()


def _before_stopping(act: Callable[[], None]) -> tuple[socket.socket, socket.socket]:
    """Call `act` when this process is told to stop; the sockets returned have to be kept until then.

    The server waits for open answers before it tells the application, and streams never end by themselves. asyncio
    hears of signals through a file descriptor; we read along and pass everything on.
    """
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    asyncios = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)

    def read_along() -> None:
        numbers = ours.recv(64)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            act()
        if asyncios >= 0:
            os.write(asyncios, numbers)

    asyncio.get_running_loop().add_reader(ours, read_along)
    return ours, theirs


async def _until_left(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _body(send: Send, content: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def _say(send: Send, status: int, origin: str = "") -> None:
    await send({"type": "http.response.start", "status": status, "headers": _headers(origin)})
    await _body(send, b"", more=False)


def _headers(origin: str, *, stream: bool = False) -> list[tuple[bytes, bytes]]:
    headers = [(b"cache-control", b"no-store"), (b"vary", b"Origin, Cookie")]
    if stream:
        # A proxy that collects answers would hold events back.
        headers += [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
    if origin:
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
        ]
    return headers
