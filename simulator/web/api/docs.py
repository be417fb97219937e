"""The page ``/api``: every operation of the OpenAPI document with an example for the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from simulator.web.security import shown_host
from simulator.web.site import Site, page, site_of

EXAMPLES: dict[str, Any] = {
    "create_session": {"case": "zh-urology-01-chef-flank-pain", "doctor": {"backend": "history-taker"}},
    "say": {"role": "patient", "text": "It hurts when I swallow."},
    "examine": {"requests": ["blood count"]}, "rewind": {"keep": 2}, "edit": {"number": 2, "text": "Since when?"},
    "fork": {"keep": 3, "doctor": {"backend": "one-shot"}}, "cast": {"doctor": {"backend": "human"}},
    "label": {"text": "asks about fever"}, "label_session": {"text": "sore throat"},
    "start_batch": {"file": 0},
}


@dataclass(frozen=True)
class Operation:
    """One operation: method, path, what it does, its group and a command that asks for it."""

    method: str
    path: str
    summary: str
    group: str
    command: str
    statuses: tuple[str, ...]


def routes() -> APIRouter:
    """Return the page."""
    router = APIRouter()

    @router.get("/api")
    async def api(request: Request, site: Annotated[Site, Depends(site_of)]) -> HTMLResponse:
        document = request.app.openapi()
        found = list(operations(document, f"http://{shown_host(site.settings)}", with_token=bool(site.settings.token)))
        groups = {tag["name"]: (tag["description"], [one for one in found if one.group == tag["name"]])
                  for tag in document["tags"]}
        return await page(site, "api.html.j2", groups=groups, about=document["info"]["description"], section="api")

    return router


def operations(document: dict[str, Any], base: str, *, with_token: bool) -> Iterator[Operation]:
    """Yield the operations of an OpenAPI document in its order."""
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            command = ["curl"]
            if method != "get":
                command += ["-X", method.upper()]
            if with_token:
                command.append("-H 'Authorization: Bearer TOKEN'")
            name = str(one["operationId"]).partition("_api_v1")[0]
            if name in EXAMPLES:
                body = json.dumps(EXAMPLES[name], ensure_ascii=False)
                command.append(f"-H 'Content-Type: application/json' -d '{body}'")
            command.append(f"'{base}{path}'")
            yield Operation(
                method.upper(), path, one["summary"], one["tags"][0], " ".join(command), tuple(sorted(one["responses"]))
            )
