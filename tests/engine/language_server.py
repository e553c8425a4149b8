"""An editor's language server for YAML over its standard input and output, as editors run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["Editor", "server"]


def server() -> list[str] | None:
    """How yaml-language-server is run here, or None where it is not installed.

    ``YAML_LANGUAGE_SERVER`` names its script, for places where it is not on the path.
    """
    script = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
    if script is None:
        return None
    node = shutil.which("node")
    return [node, script, "--stdio"] if node else [script, "--stdio"]


class Editor:
    """Opens files, and asks what the server has to say at a place."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._number = 0
        self._problems: dict[str, list[dict[str, Any]]] = {}
        self._ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": _ABLE})
        self._send({"method": "initialized", "params": {}})

    def open(self, file: Path, text: str) -> str:
        """Open a text as if it stood in a file; its name for the questions that follow."""
        uri = file.as_uri()
        told = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": told}})
        return uri

    def complete(self, uri: str, line: int, column: int) -> dict[str, str]:
        """What is offered at a place: label → documentation."""
        found = self._ask("textDocument/completion", _at(uri, line, column))
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: _text(item.get("documentation")) for item in items}

    def hover(self, uri: str, line: int, column: int) -> str:
        """What is shown at a place."""
        found = self._ask("textDocument/hover", _at(uri, line, column))
        return _text(found["contents"]) if found else ""

    def problems(self, uri: str) -> list[str]:
        """What the server marks as wrong."""
        while uri not in self._problems:
            self._take(self._read())
        return [problem["message"] for problem in self._problems[uri]]

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        for stream in (self._server.stdin, self._server.stdout):
            if stream is not None:
                stream.close()

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        """Answer what the server asks, and keep what it tells."""
        if message.get("method") == "textDocument/publishDiagnostics":
            self._problems[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            asked = message["params"]["items"]
            told = [_SETTINGS.get(item.get("section"), {}) for item in asked]
            self._send({"id": message["id"], "result": told})
        elif "id" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._server.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        length = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        found: dict[str, Any] = json.loads(self._server.stdout.read(length))
        return found


_ABLE = {
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": False}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
    "workspace": {"configuration": True},
}
_SETTINGS: dict[str, Any] = {
    "yaml": {"completion": True, "hover": True, "validate": True, "schemaStore": {"enable": False}}
}


def _at(uri: str, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}


def _text(shown: Any) -> str:
    return str(shown.get("value", "")) if isinstance(shown, dict) else str(shown or "")
