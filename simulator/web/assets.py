"""The files under ``simulator/static``, read once at the start: a request picks one by name, none reaches a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response

TYPES = {
    "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
    "png": "image/png", "woff2": "font/woff2", "json": "application/json",
}
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, media type and quoted entity tag."""

    body: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Assets:
    """All files by their name below ``static``; ``version`` changes when any of them does."""

    files: Mapping[str, Asset]
    version: str


def read_assets() -> Assets:
    """Read the package's static files."""
    found = {
        name: Asset(body, TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(body).hexdigest()[:20]}"')
        for name, body in sorted(_walk(files("simulator") / "static", ""))
    }
    version = hashlib.sha256("".join(name + asset.etag for name, asset in found.items()).encode()).hexdigest()[:12]
    return Assets(found, version)


def routes(assets: Assets) -> APIRouter:
    """Return the route of ``/static``: kept by browsers as long as the address carries this version."""
    router = APIRouter()

    @router.api_route("/static/{name:path}", methods=["GET", "HEAD"])
    async def static(name: str, request: Request, v: str = "") -> Response:
        asset = assets.files.get(name)
        if asset is None:
            raise HTTPException(404, "there is no such file")
        headers = {"ETag": asset.etag, "Cache-Control": FOREVER if v == assets.version else ASK_AGAIN}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if asset.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    return router


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in TYPES:
            yield prefix + entry.name, entry.read_bytes()
