"""The description of the interface as a page, from the same schema that programs read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "put", "post", "patch", "delete")
ANSWERS = ("200", "201", "202")
# The envelope of lists is said once, at the top of the page.
LIST = re.compile(r"^Paginated(\w+)List$")


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked: method and path, words, and the names of what goes in and comes out."""

    method: str
    path: str
    group: str
    words: str
    parameters: tuple[dict[str, Any], ...]
    body: str
    answer: str

    @property
    def anchor(self) -> str:
        return "-".join([self.method.lower(), *re.findall(r"\w+", self.path)])


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document of the interface; the same for everybody."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the package types parts of itself
    generated: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # too
    return generated


def operations() -> Iterator[Operation]:
    for path, methods in schema()["paths"].items():
        for method in METHODS:
            if (found := methods.get(method)) and "/schema" not in path:
                answers = found.get("responses", {})
                yield Operation(
                    method=method.upper(),
                    path=path,
                    group=path.removeprefix("/api/v1/").partition("/")[0],
                    words=found.get("description", ""),
                    parameters=tuple(found.get("parameters", [])),
                    body=_name(found.get("requestBody", {})),
                    answer=next((name for code in ANSWERS if (name := _name(answers.get(code, {})))), ""),
                )


def _name(described: dict[str, Any]) -> str:
    """The name of the component in a body or an answer."""
    content = described.get("content", {}).get("application/json", {})
    return LIST.sub(r"\1", str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2])


def docs(request: HttpRequest) -> HttpResponse:
    components = {
        name: {
            "words": part.get("description", ""),
            "fields": [(field, _kind(spec), spec.get("description", "")) for field, spec in part["properties"].items()],
        }
        for name, part in schema()["components"]["schemas"].items()
        if "properties" in part and not LIST.match(name)
    }
    groups = [(name, list(asked)) for name, asked in groupby(operations(), key=lambda operation: operation.group)]
    context = {"groups": groups, "components": components, "base": settings.PUBLIC_URL}
    return render(request, "rest/docs.html", context)


def _kind(spec: dict[str, Any]) -> str:
    """A field's type in one word or two."""
    if "enum" in spec:
        return " · ".join(str(value) for value in spec["enum"])
    if named := spec.get("$ref") or (spec.get("allOf") or [{}])[0].get("$ref"):
        return str(named).rpartition("/")[2]
    if spec.get("type") == "array":
        return f"list of {_kind(spec['items'])}"
    return str(spec.get("format") or spec.get("type") or "any")
