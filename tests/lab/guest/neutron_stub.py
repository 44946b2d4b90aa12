#!/usr/bin/python3
"""Answers every question of Nova to Neutron with an empty list: the lab's servers have no network.

Nova asks even when a server is made with "none". One thread per connection, because Nova keeps connections open.
"""

from __future__ import annotations

import http.server
import json


class Stub(http.server.BaseHTTPRequestHandler):
    """Knows the versions document and collections; nothing can be made."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """An empty collection, named as the last word of the path says."""
        path = self.path.partition("?")[0].rstrip("/")
        if path:
            name = path.rpartition("/")[2].replace(".json", "").replace("-", "_")
            self._answer(200, {name: []})
        else:
            link = {"rel": "self", "href": f"http://{self.headers['Host']}/v2.0/"}
            self._answer(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})

    def do_POST(self) -> None:
        """Refuse."""
        self._refuse()

    def do_PUT(self) -> None:
        """Refuse."""
        self._refuse()

    def do_DELETE(self) -> None:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(404, {"NeutronError": {"type": "NotFound", "message": "The lab has no Neutron.", "detail": ""}})

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 9696), Stub).serve_forever()
