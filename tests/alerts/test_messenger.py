"""What leaves for services outside, by the real program that sends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from jobs.alerts import courier, messenger
from jobs.alerts.text import Text
from jobs.errors import Invalid
from tests.alerts.sinks import Sink
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.once

TEXT = Text("Subject: 夜间导出", "One line\nand another")

SECRETS = {
    "mailto://someone:hunter22@mail.example.org?to=dba@example.org": "mailto://…@mail.example.org",
    "mailtos://mail.example.org?user=someone&pass=hunter22": "mailtos://…@mail.example.org",
    "jsons://hooks.example.org/hunter22": "jsons://hooks.example.org",
    "json://someone:hunter22@10.0.0.1:8080/x?+X-Token=hunter22": "json://…@10.0.0.1",
    "slack://T1JJhunte/A1BRhunte/TIiajkdnlazkcOXrhunter22/#ops": "slack://…",
    "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrhunter22": "https://…",
    "workflows://prod.example.org:443/a1b2hunter22/c3d4hunter22": "workflows://…",
    "dingtalk://SEC0hunter22@a1b2c3hunter22/13800000000": "dingtalk://…",
    "feishu://a1b2hunter22": "feishu://…",
    "wecombot://a1b2hunter22": "wecombot://…",
    "ntfy://hunter22@ntfy.example.org/topic": "ntfy://…",
}


@pytest.mark.parametrize(("url", "shown"), SECRETS.items())
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert messenger.shown_address(url) == shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nope://hunter22", "does not know this address"),
        ("hunter22", "does not know this address"),
        ("https://example.org/hunter22", "does not know this address"),
        ("mailto://", "does not know this address"),
        ("slack://hunter22", "does not know this address"),
        ("http://[hunter22", "does not know this address"),
        ("dbus://hunter22", "only tells the host"),
        ("syslog://hunter22", "only tells the host"),
        ("workflows://host.example.org/hunter22/b?template=/etc/passwd", "must not name files"),
        ("fcm://project@apikey/hunter22?keyfile=/etc/shadow", "must not name files"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        messenger.shown_address(url)
    (sentence,) = caught.value.errors["url"]
    assert words in sentence
    assert "hunter22" not in str(caught.value)


def test_a_message_reaches_a_webhook(hook: Sink) -> None:
    assert messenger.send(f"json://127.0.0.1:{hook.port}/path", TEXT) == ""
    (got,) = hook.got
    assert (got["path"], got["title"], got["message"]) == ("/path", TEXT.subject, TEXT.body)
    assert got["type"] == "failure"


def test_a_message_reaches_a_mail_server(mails: Sink) -> None:
    url = f"mailto://127.0.0.1:{mails.port}?from=a@example.org&to=b@example.org&mode=insecure"
    assert messenger.send(f"{url}&format=text", TEXT) == ""
    (got,) = mails.got
    assert got["subject"] == TEXT.subject
    assert got["body"].split() == TEXT.body.split()


def test_what_fails_is_told_without_the_address(hook: Sink) -> None:
    hook.status = 500
    error = messenger.send(f"json://ann:hunter22@127.0.0.1:{hook.port}/hunter33/x", TEXT)
    assert "500" in error
    assert "hunter" not in error


def test_an_address_that_is_not_reached_is_told_without_it() -> None:
    error = messenger.send("jsons://ann:hunter22@127.0.0.1:9/hunter33", TEXT)
    assert "refused" in error.lower()
    assert "hunter" not in error


def test_what_hangs_is_ended_at_its_deadline(hanging: Sink) -> None:
    error = messenger.send(f"json://127.0.0.1:{hanging.port}/x?rto=600", TEXT, deadline_s=2.0)
    assert error == "No answer within 2 s."
    assert hanging.got
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_it_ends_itself_if_who_started_it_has_died(hanging: Sink) -> None:
    url = f"json://127.0.0.1:{hanging.port}/x?rto=600"
    request = {"do": "send", "url": url, **asdict(TEXT), "deadline_s": 0.5}
    process = subprocess.Popen(
        [sys.executable, "-P", str(messenger.COURIER)], stdin=subprocess.PIPE
    )
    process.communicate(json.dumps(request).encode(), timeout=DEADLINE_S)
    assert process.returncode == -signal.SIGALRM


def test_the_heartbeat_is_a_plain_request(hook: Sink) -> None:
    assert messenger.call(f"http://127.0.0.1:{hook.port}/ping/hunter22") == ""
    assert hook.got == [{"path": "/ping/hunter22"}]
    hook.status = 404
    assert messenger.call(f"http://127.0.0.1:{hook.port}/ping/hunter22") == "HTTP 404"
    assert "hunter" not in messenger.call("http://127.0.0.1:9/hunter22")


def test_a_program_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "courier.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(messenger, "COURIER", broken)
    assert "exit code 3" in messenger.send("json://host/", TEXT)


def test_no_address_and_no_setting_is_given_to_the_program_but_through_its_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Arguments and environment can be read by others on the host."""
    spy = tmp_path / "courier.py"
    spy.write_text(
        "import json, os, sys\n"
        "json.dump({'error': str([sys.argv[1:], sorted(os.environ)])}, sys.stdout)\n"
    )
    monkeypatch.setattr(messenger, "COURIER", spy)
    monkeypatch.setenv("SCHEDCORE_SECRET_KEY", "hunter33")
    told = messenger.send("json://hunter22/", TEXT)
    assert told.startswith("[[], [")
    assert "SCHEDCORE" not in told
    assert "PATH" in told


@pytest.mark.parametrize(
    "text",
    [
        "HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /hunter22/a",
        "GET https://host.example.org/hunter22?token=hunter33 failed",
        "bad user ann%40host or ann@host with password hunter22",
        "hunter33",
    ],
)
def test_no_part_of_an_address_is_left_in_an_error(text: str) -> None:
    url = "json://ann%40host:hunter22@127.0.0.1/hunter33?key=hunter44"
    told = courier.without_secrets(text, url)
    assert "hunter" not in told
    assert "ann" not in told


def test_services_are_loaded_by_no_process_of_ours() -> None:
    """They take half a second of Python's lock, and tens of megabytes."""
    code = (
        "import django; django.setup(); import jobs.runtime.service, sys; "
        "print('apprise' in sys.modules)"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "schedcore.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
