"""Local servers that answer as the APIs of other systems do: pages, cursors, limits, and every kind of failure."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Things = dict[str, list[dict[str, Any]]]
KEY = "key-of-the-tests"


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class Api:
    """A system with things by list. `faults` come first, one a request: a status, "cut", "garbage" or "strange"."""

    answer: Callable[[Api, Asked], Any]
    things: Things = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)
    page: int = 2
    asked: list[Asked] = field(default_factory=list)
    key: str = KEY
    address: str = ""
    # What a system refuses of what is written: why, by the id of the thing.
    refuses: dict[str, str] = field(default_factory=dict)

    def respond(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(asked)
        if self.faults:
            match self.faults.pop(0):
                case "cut":
                    return 0, {}, b""
                case "garbage":
                    return 200, {}, b"<html>Please stand by</html>"
                case "strange":
                    return 200, {}, b'{"errors": "none of the lists you know"}'
                case (int(status), headers):
                    return status, headers, b"{}"
                case int(status):
                    return status, {}, b'{"error": "no"}'
        if self.key not in asked.headers.get("Authorization", "") and not asked.path.endswith("/token"):
            return 401, {}, b'{"error": "unknown key"}'
        try:
            return 200, {}, json.dumps(self.answer(self, asked)).encode()
        except ValueError:
            # A place that it does not know (any more).
            return 400, {}, b'{"error": "no such place"}'


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            is_json = raw and "json" in self.headers.get("Content-Type", "")
            body = json.loads(raw) if is_json else raw.decode()
            status, headers, content = api.respond(Asked(self.command, parts.path, query, body, dict(self.headers)))
            if not status:
                self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"da')
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_GET

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler


@contextmanager
def served(source: str, things: Things) -> Iterator[Api]:
    """The API of a source on a port of this machine."""
    api = Api(ANSWERS[source], things)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(api)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        api.address = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()


# --- The dialects -----------------------------------------------------------------------------------------------------


def _stripe(api: Api, asked: Asked) -> Any:
    """Newest first; `starting_after` goes to what is older, `ending_before` to what is newer and next to it."""
    things = list(reversed(api.things.get(asked.path.removeprefix("/v1/"), [])))
    ids = [thing["id"] for thing in things]
    if before := asked.query.get("ending_before"):
        newer = things[: ids.index(before)]
        return {"object": "list", "data": newer[-api.page :], "has_more": len(newer) > api.page}
    older = things[ids.index(asked.query["starting_after"]) + 1 :] if "starting_after" in asked.query else things
    return {"object": "list", "data": older[: api.page], "has_more": len(older) > api.page}


def _zendesk(api: Api, asked: Asked) -> Any:
    name = asked.path.removeprefix("/api/v2/incremental/").partition("/")[0].removesuffix(".json")
    things = sorted(api.things.get(name, []), key=lambda thing: thing["updated_at"])
    if name == "organizations":
        since = int(asked.query["start_time"])
        found = [thing for thing in things if _seconds(thing) >= since]
        end = _seconds(found[-1]) if found else since
        return {name: found, "end_time": end, "count": len(found), "next_page": None}
    start = int(asked.query.get("cursor", "0").removeprefix("at-")) if "cursor" in asked.query else 0
    found = things[start : start + api.page]
    return {name: found, "after_cursor": f"at-{start + len(found)}", "end_of_stream": start + api.page >= len(things)}


def _seconds(thing: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(thing["updated_at"]).timestamp())


def _intercom(api: Api, asked: Asked) -> Any:
    name = asked.path.strip("/").partition("/")[0]
    things = api.things.get(name, [])
    if name == "companies":
        page = asked.body["page"]
        pages = -(-len(things) // api.page)
        return {"data": things[(page - 1) * api.page : page * api.page], "pages": {"page": page, "total_pages": pages}}
    since = asked.body["query"]["value"]
    found = sorted((t for t in things if t["updated_at"] > since), key=lambda thing: thing["updated_at"])
    start = int(asked.body["pagination"].get("starting_after", 0))
    following = {"next": {"starting_after": str(start + api.page)}} if start + api.page < len(found) else {}
    listed = "data" if name == "contacts" else name
    return {listed: found[start : start + api.page], "pages": following, "total_count": len(found)}


def _hubspot(api: Api, asked: Asked) -> Any:
    if asked.path.endswith("/batch/update"):
        return _hubspot_write(api, asked)
    name = asked.path.split("/")[-2]
    since = int(asked.body["filterGroups"][0]["filters"][0]["value"])
    found = [thing for thing in api.things.get(name, []) if _stamp(thing) >= since]
    found.sort(key=_stamp)
    start = int(asked.body.get("after", 0))
    following = {"paging": {"next": {"after": str(start + api.page)}}} if start + api.page < len(found) else {}
    return {"total": len(found), "results": found[start : start + api.page], **following}


def _hubspot_write(api: Api, asked: Asked) -> Any:
    """Companies that are there take the properties, and have been changed now; of the others the answer speaks."""
    known = {thing["id"]: thing for thing in api.things.get("companies", [])}
    results, errors = [], []
    for given in asked.body["inputs"]:
        why = api.refuses.get(given["id"]) or ("" if given["id"] in known else "OBJECT_NOT_FOUND")
        if why:
            errors.append({"status": "error", "message": why, "context": {"ids": [given["id"]]}})
            continue
        thing = known[given["id"]]
        thing["properties"] |= given["properties"]
        thing["updatedAt"] = datetime.now(UTC).isoformat()
        results.append({"id": given["id"], "properties": given["properties"]})
    return {
        "status": "COMPLETE",
        "results": results,
        **({"numErrors": len(errors), "errors": errors} if errors else {}),
    }


def _stamp(thing: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(thing["updatedAt"]).timestamp() * 1000)


def _salesforce(api: Api, asked: Asked) -> Any:
    if asked.path.endswith("/token"):
        return {"access_token": api.key, "token_type": "Bearer"}
    if asked.path.endswith("/composite/sobjects"):
        return [_salesforce_write(api, record) for record in asked.body["records"]]
    if asked.path.endswith("/query"):
        words = asked.query["q"].split()
        name, since = words[words.index("FROM") + 1], words[words.index(">=") + 1]
        start = 0
    else:
        name, since, place = asked.path.rsplit("/", 1)[1].split("~")
        start = int(place)
    moment = datetime.fromisoformat(since.replace("Z", "+00:00")).replace(tzinfo=UTC)
    found = [t for t in api.things.get(name, []) if datetime.fromisoformat(t["SystemModstamp"]) >= moment]
    found.sort(key=lambda thing: thing["SystemModstamp"])
    done = start + api.page >= len(found)
    following = {} if done else {"nextRecordsUrl": f"/services/data/v60.0/query/{name}~{since}~{start + api.page}"}
    return {"records": found[start : start + api.page], "done": done, "totalSize": len(found), **following}


def _salesforce_write(api: Api, record: dict[str, Any]) -> dict[str, Any]:
    found = [thing for thing in api.things.get("Account", []) if thing["Id"] == record["id"]]
    if why := api.refuses.get(record["id"]) or ("" if found else "entity is deleted"):
        return {"success": False, "errors": [{"statusCode": "CANNOT_UPDATE", "message": why, "fields": []}]}
    found[0].update({name: value for name, value in record.items() if name not in ("id", "attributes")})
    found[0]["SystemModstamp"] = datetime.now(UTC).isoformat()
    return {"id": record["id"], "success": True, "errors": []}


ANSWERS: dict[str, Callable[[Api, Asked], Any]] = {
    "stripe": _stripe,
    "zendesk": _zendesk,
    "intercom": _intercom,
    "hubspot": _hubspot,
    "salesforce": _salesforce,
}
