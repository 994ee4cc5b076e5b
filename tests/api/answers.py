"""What tests ask of an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse


def succeeded(response: HttpResponse, status: int = 200) -> Any:
    """The data of a success, its envelope looked at."""
    body = response.json()
    assert response.status_code == status, body
    assert body["success"] is True
    assert body.keys() <= {"success", "message", "data", "meta", "timestamp"}
    assert isinstance(body["message"], str)
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    return body["data"]


def refused(response: HttpResponse, status: int, code: str | None = None, field: str = "") -> Any:
    """The body of an error, its envelope looked at; it must name `field`."""
    body = response.json()
    assert response.status_code == status, body
    assert body["success"] is False
    assert body.keys() <= {"success", "message", "code", "errors", "request_id", "timestamp"}
    assert body["message"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert code is None or body["code"] == code
    if field:
        assert field in body["errors"], body
    return body
