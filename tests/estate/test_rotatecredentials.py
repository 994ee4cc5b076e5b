from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import cipher
from jobs.estate.management.commands import rotatecredentials
from jobs.estate.models import DatabaseInstance
from jobs.estate.services import rotation
from tests.factories import make_channel

pytestmark = pytest.mark.django_db

LOST, OLD, NEW = (Fernet.generate_key().decode() for _ in range(3))
Keys = Callable[..., None]


@pytest.fixture
def keys(scheduler_settings: Callable[..., Any]) -> Keys:
    def use(*keys: str) -> None:
        scheduler_settings(credentials_keys=keys)

    return use


def make(name: str, password: str = "", *, change_password: str = "") -> DatabaseInstance:
    instance = DatabaseInstance(name=name, engine="postgresql", host="db", port=5432)
    instance.set_password(password)
    instance.set_change_password(change_password)
    instance.save()
    return instance


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rotatecredentials", *arguments, stdout=out)
    return out.getvalue()


def test_afterwards_the_newest_key_alone_reads_every_password(keys: Keys) -> None:
    keys(OLD)
    main = make("main", "read-me", change_password="change-me")
    make("inactive", "too")
    DatabaseInstance.objects.filter(name="inactive").update(is_active=False)
    make("without")
    keys(NEW, OLD)
    assert "3 secrets were encrypted" in run()
    keys(NEW)
    main.refresh_from_db()
    assert main.password == "read-me"
    assert cipher.decrypt(main.change_password_encrypted) == "change-me"
    assert DatabaseInstance.objects.get(name="inactive").password == "too"
    without = DatabaseInstance.objects.get(name="without")
    assert (without.password_encrypted, without.change_password_encrypted) == ("", "")


def test_a_second_time_changes_nothing(keys: Keys) -> None:
    keys(OLD)
    make("main", "secret")
    keys(NEW, OLD)
    run()
    before = DatabaseInstance.objects.get()
    told = run()
    assert "0 secrets were encrypted" in told
    assert "1 were under it already" in told
    after = DatabaseInstance.objects.get()
    assert after.password_encrypted == before.password_encrypted


def test_nothing_else_of_an_instance_changes(keys: Keys) -> None:
    keys(OLD)
    before = make("main", "secret")
    keys(NEW, OLD)
    run()
    after = DatabaseInstance.objects.get()
    assert after.updated_at == before.updated_at


def test_check_only_tells_how_many_are_under_older_keys(keys: Keys) -> None:
    keys(OLD)
    make("main", "one", change_password="two")
    keys(NEW, OLD)
    make("new", "three")
    before = list(DatabaseInstance.objects.order_by("pk").values())
    told = run("--check")
    assert told == "2 secrets are under older keys, 1 under the newest one.\n"
    assert list(DatabaseInstance.objects.order_by("pk").values()) == before
    run()
    told = run("--check")
    assert "0 secrets are under older keys, 3 under the newest one." in told
    assert "No stored secret needs an older key." in told


def test_what_no_key_reads_is_named_and_left_and_the_others_are_rotated(keys: Keys) -> None:
    keys(LOST)
    lost = make("b “lost”", "gone", change_password="gone too")
    keys(OLD)
    make("a", "one")
    make("c", "two")
    half = make("d", change_password="three")
    DatabaseInstance.objects.filter(pk=half.pk).update(password_encrypted="nonsense é")
    keys(NEW, OLD)
    with pytest.raises(CommandError, match=r"“b “lost””, “d”\. ") as refused:
        run()
    assert refused.value.returncode != 0
    keys(NEW)
    assert DatabaseInstance.objects.get(name="a").password == "one"
    assert DatabaseInstance.objects.get(name="c").password == "two"
    half.refresh_from_db()
    assert cipher.decrypt(half.change_password_encrypted) == "three"
    assert half.password_encrypted == "nonsense é"
    lost.refresh_from_db()
    keys(LOST)
    assert lost.password == "gone"


def test_check_names_what_no_key_reads_too(keys: Keys) -> None:
    keys(LOST)
    make("lost", "gone")
    keys(NEW)
    with pytest.raises(CommandError, match="“lost”"):
        run("--check")


@pytest.mark.parametrize("given", [(), ("short",)])
def test_without_a_key_that_fits_it_says_so_and_changes_nothing(
    keys: Keys, given: tuple[str, ...]
) -> None:
    keys(OLD)
    instance = make("main", "secret")
    keys(*given)
    with pytest.raises(CommandError, match="SCHEDCORE_CREDENTIALS_KEY"):
        run()
    assert DatabaseInstance.objects.get().password_encrypted == instance.password_encrypted


def test_no_secret_is_told(
    keys: Keys, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(OLD)
    make("main", "s3cret")
    keys(NEW, OLD)
    with caplog.at_level("DEBUG", logger="jobs"):
        told = run()
    for secret in ("s3cret", OLD, NEW, DatabaseInstance.objects.get().password_encrypted):
        assert secret not in told + caplog.text + "".join(capsys.readouterr())
        assert all(secret not in str(vars(record)) for record in caplog.records)
    assert [record.event for record in caplog.records] == ["estate.credentials_rotated"]  # type: ignore[attr-defined]


def test_instances_are_locked_some_at_a_time(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    keys(OLD)
    for number in range(5):
        make(f"instance {number}", "secret")
    keys(NEW, OLD)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert "5 secrets were encrypted" in run()
    transactions = [query for query in queries if query["sql"].startswith("SAVEPOINT")]
    assert len(transactions) == 5  # 2, 2, 1 and none, and no alert channel
    if connection.vendor == "postgresql":
        assert sum(query["sql"].endswith("FOR UPDATE") for query in queries) == 5


def test_its_help_can_be_printed() -> None:
    parser = rotatecredentials.Command().create_parser("manage.py", "rotatecredentials")
    assert "--check" in parser.format_help()


def test_addresses_of_alert_channels_are_among_them(keys: Keys) -> None:
    keys(OLD)
    channel = make_channel(url="json://hook/hunter22")
    keys(NEW, OLD)
    assert "1 secret was encrypted" in run()
    keys(NEW)
    channel.refresh_from_db()
    assert cipher.decrypt(channel.url_encrypted) == "json://hook/hunter22"
