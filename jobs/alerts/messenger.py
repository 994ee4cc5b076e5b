"""Messenger: sends the courier, and waits for it no longer than it may take.

Every request is a process of its own, which is killed at its deadline. So a service that hangs
holds up nothing, whatever it does, and no library of a service runs among the scheduler's threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from jobs.alerts.text import Text
from jobs.errors import Invalid

COURIER = Path(__file__).with_name("courier.py")

DEADLINE_S = 20.0
"""For one message, including the start of the courier."""

CHECK_DEADLINE_S = 30.0


@sensitive_variables()
def shown_address(url: str) -> str:
    """The address of a channel without its secrets. Raises Invalid at `url`."""
    found = _ask({"do": "check", "url": url}, CHECK_DEADLINE_S)
    if "shown" in found:
        return found["shown"]
    sentences = {
        "local": _(
            "This service only tells the host on which the scheduler runs; choose another one."
        ),
        "file": _(
            "Addresses must not name files (pgp, keyfile, template and the like), as they are "
            "read on whatever host the scheduler runs."
        ),
    }
    unknown = _(
        "apprise does not know this address, or something is missing from it. Examples: "
        "mailtos://user:password@mail.example.org?to=dba@example.org, "
        "jsons://hooks.example.org/path, slack://TokenA/TokenB/TokenC/#channel."
    )
    raise Invalid({"url": [sentences.get(found.get("problem", ""), unknown)]})


@sensitive_variables()
def send(url: str, text: Text, *, deadline_s: float = DEADLINE_S) -> str:
    """Why the message could not be delivered; empty if it was."""
    return _ask({"do": "send", "url": url, **asdict(text)}, deadline_s).get("error", "")


@sensitive_variables()
def call(url: str, *, deadline_s: float = DEADLINE_S) -> str:
    """Why a GET request of the address failed; empty if it was answered."""
    return _ask({"do": "call", "url": url}, deadline_s).get("error", "")


@sensitive_variables()
def _ask(request: dict[str, Any], deadline_s: float) -> dict[str, str]:
    # -P: its folder holds modules of ours, which are no libraries. The address goes through the
    # pipe, as arguments and environment can be read by others.
    command = [sys.executable, "-P", "-W", "ignore", str(COURIER)]
    process = subprocess.Popen(  # noqa: S603  nothing of it comes from outside
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        asked = json.dumps({**request, "deadline_s": deadline_s}).encode()
        told, _nothing = process.communicate(asked, timeout=deadline_s)
    except subprocess.TimeoutExpired:
        return {"error": _("No answer within %(seconds)d s.") % {"seconds": deadline_s}}
    finally:
        process.kill()
        process.communicate()
    try:
        found: dict[str, str] = json.loads(told)
    except ValueError:
        code = {"code": process.returncode}
        return {"error": _("The program that sends it ended with exit code %(code)s.") % code}
    return found


def _environment() -> dict[str, str]:
    """Without our own variables, which hold secrets of which it needs none."""
    ours = ("SCHEDCORE_", "DATABASE_URL", "DJANGO_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
