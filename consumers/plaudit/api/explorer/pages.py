"""Page of the interactive documentation, and its static files."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from plaudit.api.problems import Refused, answer

PATH: Final = "/docs"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI loads icons from `data:` URLs. It uses neither inline code nor `eval`."""
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
FOREVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plaudit API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{css}">
<script src="{bundle}" defer></script>
<script src="{init}" defer></script>
</head>
<body><div id="explorer" data-document="v1/openapi.json"></div></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A static file.

    Attributes:
        url: address relative to the page, with a digest, so that browsers may cache the file.
        packed: compressed content.
    """

    url: str
    media_type: str
    packed: bytes


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the static files by name; cached, because compressing them takes 0.1 s."""
    found = {}
    for path in (files("plaudit.api.explorer") / "static").iterdir():
        suffix = f".{path.name.rpartition('.')[2]}"
        if suffix in _TYPES:
            content = path.read_bytes()
            url = f"docs/{hashlib.sha256(content).hexdigest()[:16]}/{path.name}"
            packed = gzip.compress(content, 9, mtime=0)
            found[path.name] = StaticFile(url, _TYPES[suffix], packed)
    return found


def add_explorer(app: FastAPI) -> None:
    """Add the page and its files to an application."""

    @app.get(PATH, include_in_schema=False)
    def show_page() -> Response:
        known = static_files()
        page = _PAGE.format(
            css=known["swagger-ui.min.css"].url,
            bundle=known["swagger-ui-bundle.min.js"].url,
            init=known["init.js"].url,
        )
        return Response(page, media_type="text/html; charset=utf-8", headers=HEADERS)

    @app.get(f"{PATH}/{{digest}}/{{name}}", include_in_schema=False)
    def show_file(request: Request, digest: str, name: str) -> Response:
        found = static_files().get(name)
        if found is None or found.url != f"docs/{digest}/{name}":
            return answer(Refused(404, "this file does not exist"))
        if "gzip" not in request.headers.get("accept-encoding", ""):
            content, packed = gzip.decompress(found.packed), {}
        else:
            content, packed = found.packed, {"content-encoding": "gzip"}
        headers = {**HEADERS, **packed, "cache-control": FOREVER, "vary": "accept-encoding"}
        return Response(content, media_type=found.media_type, headers=headers)
