"""What every answer says to the browser, and who is kept out of the login."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from jobs.models import AuditEvent
from tests.factories import make_user
from tests.project.processes import environment, manage

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.AXES_FAILURE_LIMIT = 10


@pytest.fixture
def ann(db: None) -> User:
    return make_user(name="ann", password=PASSWORD, is_staff=True, is_superuser=True)


def log_in(client: Client, name: str, password: str, address: str = "192.0.2.1") -> Any:
    fields = {"username": name, "password": password, "next": "/admin/"}
    return client.post(LOGIN, fields, REMOTE_ADDR=address)


PAGES = [
    ("/", 302),
    ("/admin/", 200),
    ("/admin/login/", 302),
    ("/admin/nothing/here/", 404),
    ("/admin/jobs/job/", 200),
    ("/scheduler/", 302),
    ("/scheduler/api/jobs", 200),
    ("/scheduler/api/jobs/nope", 404),
    ("/scheduler/api/nope", 404),
    ("/healthz", 200),
    ("/metrics", 200),
    ("/favicon.ico", 302),
    ("/nothing", 404),
]


@pytest.mark.parametrize(("path", "status"), PAGES)
def test_every_answer_carries_the_headers(ann: User, path: str, status: int) -> None:
    client = Client()
    client.force_login(ann)
    answer = client.get(path)
    assert answer.status_code == status
    headers = answer.headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_static_files_carry_the_policy_too(db: None) -> None:
    answer: Any = Client().get("/static/jobs/admin.css")
    answer.close()
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_failure_of_a_page_carries_them_too(ann: User, monkeypatch: Any) -> None:
    def boom(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("jobs.admin.job.JobAdmin.get_queryset", boom)
    client = Client(raise_request_exception=False)
    client.force_login(ann)
    answer = client.get("/admin/jobs/job/")
    assert answer.status_code == 500
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/scheduler/api/jobs", "/admin/", "/healthz"])
def test_no_other_site_is_let_in(db: None, path: str) -> None:
    origin = {"HTTP_ORIGIN": "https://evil.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    for answer in (Client().options(path, **origin), Client().get(path, **origin)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_a_load_balancer_may_ask_by_address_and_over_http(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    settings.ALLOWED_HOSTS = ["jobs.example.org"]
    answer = Client().get("/healthz", headers={"host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.json()["data"]) == (200, {"status": "alive"})
    assert "Content-Security-Policy" in answer.headers
    assert Client().post("/healthz", headers={"host": "10.0.0.7"}).status_code == 405
    assert Client().get("/healthz/", headers={"host": "10.0.0.7"}).status_code != 200


def test_production_wants_https_and_guards_its_cookies(tmp_path: Any) -> None:
    names = [
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "DEBUG",
        "SECURE_REDIRECT_EXEMPT",
    ]
    code = (
        "import json; from django.conf import settings as s; "
        f"print(json.dumps([getattr(s, name) for name in {names!r}]))"
    )
    env = environment(
        SCHEDCORE_ENV="production",
        SCHEDCORE_VAR_DIR=str(tmp_path),
        SCHEDCORE_ALLOWED_HOSTS="jobs.example.org",
        SCHEDCORE_SECRET_KEY="0123456789" * 5,
        SCHEDCORE_CREDENTIALS_KEY="bm90LWEtc2VjcmV0LW9ubHktZm9yLW1ha2UtbGludC4=",
    )
    done = manage("shell", "--no-imports", "-c", code, env=env)
    expected = [True, True, True, True, 3600, False, ["^healthz$"]]
    assert json.loads(done.stdout) == expected, done.stderr


def test_a_session_ends_by_itself() -> None:
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.SESSION_COOKIE_HTTPONLY


def test_the_key_of_a_session_changes_at_the_login(ann: User) -> None:
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    log_in(client, "ann", PASSWORD)
    now = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert now != session.session_key
    assert not Session.objects.filter(pk=session.session_key).exists()


def test_a_new_password_ends_the_other_sessions(ann: User) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.force_login(ann)
    new = "another horse battery"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/admin/password_change/", fields).status_code == 302
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({f"f{n}": "" for n in range(2100)}, 400),
        ({"username": "x" * 1_100_000}, 400),
        ({"username": "x" * 10_000, "password": "x"}, 200),
        ({"username": "a\x00b", "password": "x"}, 200),
    ],
)
def test_a_form_of_odd_size_is_an_error_of_its_sender(
    db: None, fields: dict[str, str], expected: int
) -> None:
    client = Client(raise_request_exception=False)
    body = "&".join(f"{key}={value}" for key, value in fields.items()).replace("\x00", "%00")
    answer = client.post(LOGIN, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == expected


def test_files_are_not_taken(db: None) -> None:
    from io import BytesIO

    client = Client(raise_request_exception=False)
    assert client.post(LOGIN, {"username": BytesIO(b"x")}).status_code == 400


def test_an_account_is_locked_after_many_failures_from_many_addresses(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.admin.login_lock.PATIENCE", 2)
    for n in range(19):
        answer = log_in(Client(), "ann", "wrong", f"192.0.2.{n}")
        assert answer.status_code == 200
    assert log_in(Client(), "ann", "wrong", "192.0.2.99").status_code == 429
    answer = log_in(Client(), "ann", PASSWORD, "192.0.2.100")
    assert answer.status_code == 429
    assert "10 minutes" in answer.content.decode()
    assert answer.headers["Retry-After"] == "600"
    assert "Content-Security-Policy" in answer.headers


def test_one_machine_cannot_lock_somebody_out(ann: User) -> None:
    for _ in range(30):
        log_in(Client(), "ann", "wrong", "192.0.2.66")
    assert log_in(Client(), "ann", PASSWORD, "192.0.2.1").status_code == 302


def test_an_address_is_locked_after_some_failures_of_any_account(ann: User) -> None:
    for n in range(10):
        log_in(Client(), f"user-{n}", "wrong")
    assert log_in(Client(), "ann", PASSWORD).status_code == 429
    assert log_in(Client(), "ann", PASSWORD, "192.0.2.2").status_code == 302


def test_a_login_of_ones_own_in_between_does_not_help_to_guess(ann: User) -> None:
    make_user(name="mallory", password=PASSWORD, is_staff=True)
    for _ in range(5):
        for _ in range(2):
            log_in(Client(), "ann", "wrong")
        answer = log_in(Client(), "mallory", PASSWORD)
    assert answer.status_code == 429


def test_the_lock_ends_by_itself_also_if_somebody_goes_on_trying(ann: User) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(10):
            log_in(Client(), "ann", "wrong")
        clock.shift(timedelta(minutes=9))
        assert log_in(Client(), "ann", "wrong").status_code == 429
        clock.shift(timedelta(minutes=2))
        assert log_in(Client(), "ann", PASSWORD).status_code == 302


def test_the_lock_ends_by_command(ann: User) -> None:
    for _ in range(10):
        log_in(Client(), "ann", "wrong")
    call_command("axes_reset")
    assert log_in(Client(), "ann", PASSWORD).status_code == 302


def test_nobody_learns_which_accounts_there_are(ann: User) -> None:
    def seen(name: str, address: str) -> list[tuple[int, str]]:
        answers = [log_in(Client(), name, "wrong", address) for _ in range(11)]
        return [
            (answer.status_code, answer.content.decode().replace(name, "…")) for answer in answers
        ]

    def without_tokens(answers: list[tuple[int, str]]) -> list[tuple[int, str]]:
        import re

        pattern = r'csrfmiddlewaretoken" value="[^"]+"'
        return [(status, re.sub(pattern, "", text)) for status, text in answers]

    known, unknown = seen("ann", "192.0.2.1"), seen("bob", "192.0.2.2")
    assert without_tokens(known) == without_tokens(unknown)
    assert [status for status, _text in known] == [200] * 9 + [429] * 2


def test_no_password_is_written_down(ann: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for _ in range(11):
        log_in(Client(), "ann", "hunter2-hunter2")
    log_in(Client(), "hunter2-hunter2", "x", "192.0.2.9")
    kept = str(list(AccessAttempt.objects.values()))
    assert AccessAttempt.objects.count() == 2
    assert "hunter2" not in kept
    assert "hunter2" not in str(list(AuditEvent.objects.values()))
    assert "hunter2" not in caplog.text
    assert "hunter2" not in str([vars(record) for record in caplog.records])


def test_logins_and_locks_stand_in_the_audit(ann: User) -> None:
    log_in(Client(), "ann", PASSWORD, "192.0.2.5")
    for _ in range(12):
        log_in(Client(), "ann", "wrong", "192.0.2.6")
    events = list(AuditEvent.objects.order_by("pk").values_list("action", "actor", "address"))
    assert events == [("login", "ann", "192.0.2.5"), ("login.locked", "ann", "192.0.2.6")]
