"""docs/deploy: the units do what they say without systemd, and nginx works in front of the site."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from jobs.models import AuditEvent
from jobs.runtime.service import END_LIMIT_S
from tests.chaos.processes import database_url
from tests.chaos.server import free_port
from tests.factories import make_user
from tests.project.processes import DEADLINE_S, ROOT
from tests.runtime.test_systemd import Manager
from tests.waiting import until

DEPLOY = ROOT / "docs" / "deploy"
WEB, SCHEDULER = "schedcore-web.service", "schedcore-scheduler@.service"
NGINX = shutil.which("nginx")
HOST = "jobs.example.org"
CLIENT = "127.0.0.2"

needs_nginx = pytest.mark.skipif(
    not NGINX and os.environ.get("CI") != "true", reason="there is no nginx"
)


def service(name: str) -> dict[str, str]:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / name)
    return dict(unit["Service"])


@pytest.fixture
def production(transactional_db: None, tmp_path: Path) -> dict[str, str]:
    """What /etc/schedcore/env would hold, on the database of this test."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.docs.deploy_settings",
        "TEST_STATIC_ROOT": str(tmp_path / "static"),
        "SCHEDCORE_ENV": "production",
        "SCHEDCORE_VAR_DIR": str(tmp_path),
        "SCHEDCORE_SECRET_KEY": 50 * "x" + "0123456789abcdef",
        "SCHEDCORE_CREDENTIALS_KEY": Fernet.generate_key().decode(),
        "SCHEDCORE_ALLOWED_HOSTS": HOST,
        "SCHEDCORE_TRUST_PROXY": "true",
        "SCHEDCORE_LOG_LEVEL": "DEBUG",
        "DATABASE_URL": database_url(),
    }


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


@dataclass
class Started:
    process: subprocess.Popen[bytes]
    output: Path


@pytest.fixture
def start(production: dict[str, str], manager: Manager, tmp_path: Path) -> Iterator[object]:
    """Starts a unit's command as it is written, but for the folder that it is installed in."""
    started: list[Started] = []

    def start_unit(name: str, port: int = 0) -> Started:
        unit = service(name)
        command = unit["ExecStart"].replace("/opt/schedcore/.venv/bin/python", sys.executable)
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        watchdog_s = float(unit.get("WatchdogSec", 0))
        variables = {
            "NOTIFY_SOCKET": manager.address,
            **({"WATCHDOG_USEC": f"{watchdog_s * 1e6:.0f}"} if watchdog_s else {}),
        }
        output = tmp_path / f"unit-{len(started)}.log"
        with output.open("wb") as file:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=unit["WorkingDirectory"].replace("/opt/schedcore", str(ROOT)),
                env={**production, **variables},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        started.append(Started(process, output))
        return started[-1]

    yield start_unit
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


@pytest.mark.parametrize("name", [WEB, SCHEDULER])
def test_systemd_finds_nothing_wrong_with_a_unit(name: str, tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("there is no systemd-analyze")
    text = (DEPLOY / name).read_text().replace("/opt/schedcore/.venv/bin/python", sys.executable)
    unit = tmp_path / name.replace("@", "@1")
    unit.write_text(text)
    done = subprocess.run(
        [verifier, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    ours = [line for line in done.stderr.splitlines() if "schedcore" in line]
    assert not ours, done.stderr


def test_the_units_leave_a_stop_the_time_it_may_take() -> None:
    scheduler, web = service(SCHEDULER), service(WEB)
    assert scheduler["KillMode"] == web["KillMode"] == "mixed"
    assert float(scheduler["TimeoutStopSec"]) > 30 + END_LIMIT_S + 10
    from schedcore import webserver

    assert float(web["TimeoutStopSec"]) > webserver.graceful_timeout


@pytest.mark.parametrize("name", [WEB, SCHEDULER])
def test_a_units_command_says_that_it_is_ready_and_ends_when_asked_to(
    name: str, start: object, manager: Manager
) -> None:
    started = start(name, free_port())  # type: ignore[operator]
    until(lambda: _heard(manager, started, "READY=1"), deadline_s=DEADLINE_S)
    if name == SCHEDULER:
        until(lambda: _heard(manager, started, "WATCHDOG=1"), deadline_s=DEADLINE_S)
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(DEADLINE_S) == 0, started.output.read_text()


def _heard(manager: Manager, started: Started, text: str) -> bool:
    assert started.process.poll() is None, started.output.read_text()
    return any(message.startswith(text) for message in manager.listen())


# -- nginx --------------------------------------------------------------------------------


@dataclass
class Front:
    """nginx, with the site behind it. Clients come from an address of their own."""

    http: int
    https: int
    web: Started
    context: ssl.SSLContext

    def ask(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        given = {"Host": HOST, **{name.replace("_", "-"): text for name, text in headers.items()}}
        client = HTTPSConnection(
            "127.0.0.1", self.https, context=self.context, source_address=(CLIENT, 0), timeout=30
        )
        try:
            client.request(method, path, body or None, given)
            answer = client.getresponse()
            return answer, answer.read()
        finally:
            client.close()


@pytest.fixture
def front(
    start: object, manager: Manager, production: dict[str, str], tmp_path: Path
) -> Iterator[Front]:
    assert NGINX, "CI needs nginx: .ci/run installs it"
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "-v0"]
    subprocess.run(collect, cwd=ROOT, env=production, check=True, timeout=DEADLINE_S)
    port = free_port()
    web = start(WEB, port)  # type: ignore[operator]
    until(lambda: _heard(manager, web, "READY=1"), deadline_s=DEADLINE_S)
    _make_certificate(tmp_path)
    front = Front(free_port(), free_port(), web, ssl._create_unverified_context())
    main = tmp_path / "nginx.conf"
    main.write_text(_configuration(tmp_path, port, front))
    with (tmp_path / "nginx.log").open("wb") as log:
        command = [NGINX, "-p", str(tmp_path), "-e", "stderr", "-c", str(main)]
        nginx = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _accepts(front.https, nginx, tmp_path / "nginx.log"))
        yield front
    finally:
        nginx.terminate()
        nginx.wait(DEADLINE_S)


def _configuration(folder: Path, port: int, front: Front) -> str:
    """The documented file, on free ports and with a certificate of the test's own."""
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("127.0.0.1:8000", f"127.0.0.1:{port}"),
        ("listen 80;", f"listen 127.0.0.1:{front.http};"),
        ("listen 443 ", f"listen 127.0.0.1:{front.https} "),
        ("/etc/ssl/schedcore", str(folder)),
    ):
        assert old in text
        text = text.replace(old, new)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\npid {folder}/nginx.pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{text}\n}}\n"
    )


def _make_certificate(folder: Path) -> None:
    options = "req -x509 -newkey rsa:2048 -nodes -days 1 -keyout privkey.pem -out fullchain.pem"
    command = ["openssl", *options.split(), "-subj", f"/CN={HOST}"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=DEADLINE_S)


def _accepts(port: int, nginx: subprocess.Popen[bytes], log: Path) -> bool:
    assert nginx.poll() is None, log.read_text()
    client = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.connect()
    except OSError:
        return False
    finally:
        client.close()
    return True


@needs_nginx
def test_the_site_works_behind_nginx(front: Front) -> None:
    """One story, as each server takes seconds to start."""
    plain = HTTPConnection("127.0.0.1", front.http, timeout=30)
    plain.request("GET", "/admin/?next=1", headers={"Host": HOST})
    answer = plain.getresponse()
    plain.close()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{HOST}/admin/?next=1")

    answer, page = front.ask("/admin/login/")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert "Secure" in answer.headers["Set-Cookie"]

    [style] = re.findall(r'href="(/static/jobs/site\.[0-9a-f]+\.css)"', page.decode())[:1]
    answer, _text = front.ask(style, Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert front.ask("/healthz")[0].status == 200
    assert front.ask("/admin/", Host="elsewhere.example")[0].status == 400
    assert front.ask("/scheduler/api/jobs", "POST", 3_000_000 * b"x")[0].status == 413

    make_user(name="ann", password="correct horse battery", is_staff=True, is_superuser=True)
    answer, page = front.ask("/admin/login/")
    [csrf] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.decode())
    form = f"username=ann&password=correct+horse+battery&csrfmiddlewaretoken={csrf}"
    answer, _text = front.ask(
        "/admin/login/",
        "POST",
        form.encode(),
        Cookie=answer.headers["Set-Cookie"].partition(";")[0],
        Content_Type="application/x-www-form-urlencoded",
        Referer=f"https://{HOST}/admin/login/",
        X_Forwarded_For="6.6.6.6",
        X_Request_ID="chosen-by-client",
        X_Forwarded_Proto="http",
    )
    assert answer.status == 302, "the form is accepted as one that came by https"
    assert AuditEvent.objects.get(action="login").address == CLIENT
    said = front.web.output.read_text()
    assert all(line.startswith("{") for line in said.splitlines()), said
    assert f'"address": "{CLIENT}"' in said
    assert "6.6.6.6" not in said
    assert "chosen-by-client" not in said
    assert answer.headers["X-Request-ID"] in said


def test_where_the_units_and_the_proxy_meet_they_name_one_port() -> None:
    [bind] = re.findall(r"--bind (\S+)", service(WEB)["ExecStart"])
    assert f"server {bind};" in (DEPLOY / "nginx.conf").read_text()
