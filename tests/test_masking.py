"""What looks like a secret is found wherever it stands, and other words are left alone."""

from __future__ import annotations

import time

import pytest

from jobs.masking import masked, without_secrets

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://dba:hunter2@host/name", "postgres://dba:[hidden]@host/name"),
        ("postgres://dba:hun/te@r2@host/name", "postgres://dba:[hidden]@host/name"),
        ("redis://:hunter2@host:6379/0", "redis://:[hidden]@host:6379/0"),
        ("connect(password='hunter2')", "connect(password='[hidden]')"),
        ("{'api_key': 'hunter2', 'days': 1}", "{'api_key': '[hidden]', 'days': 1}"),
        ('{"token": "hunter2"}', '{"token": "[hidden]"}'),
        (r"password=hun\ter2 dbname=n", "password=[hidden] dbname=n"),
        (r"password=\hunter2", "password=[hidden]"),
        (r"""{'password': 'hun\\ter2'}""", "{'password': '[hidden]'}"),
        (r'"{\"a\": \"token=hunter2\"}"', r'"{\"a\": \"token=[hidden]\"}"'),
        ("host=h password=hunter2 dbname=n", "host=h password=[hidden] dbname=n"),
        ("password='hun ter2' dbname=n", "password='[hidden]' dbname=n"),
        ('password="hunter2', 'password="[hidden]'),
        (r'password="hun\"ter2" dbname=n', 'password="[hidden]" dbname=n'),
        (r'{"a": "{\"password\": \"hunter2\"}"}', r'{"a": "{\"password\": \"[hidden]\"}"}'),
        (r"""{\\\"token\\\": \\\"hunter2\\\"}""", r"""{\\\"token\\\": \\\"[hidden]\\\"}"""),
        ('{"password": 1234567, "b": 2}', '{"password": [hidden], "b": 2}'),
        ("UID=dba;PWD=hunter2;Server=db1", "UID=dba;PWD=[hidden];Server=db1"),
        ("AWS_SECRET_ACCESS_KEY=hunter2 a", "AWS_SECRET_ACCESS_KEY=[hidden] a"),
        ('"private_key": "hun ter2"', '"private_key": "[hidden]"'),
        ("a://b:c d://e:hunter2@f", "a://b:c d://e:[hidden]@f"),
        ("a://b:c://d:hunter2@e", "a://b:[hidden]@e"),
        ("password='my hunter2", "password='[hidden]"),
        ("{'password': 'my hunter2\nb", "{'password': '[hidden]\nb"),
        (f"a://b:{'hunter2' * 1000}@c", "a://b:[hidden]@c"),
        ("a://b:hunter2@c/d?e=f://g:h i", "a://b:[hidden]@c/d?e=f://g:h i"),
    ],
)
def test_a_secret_in_a_text_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer hunter2 was refused", "Authorization: Bearer [hidden] was refused"),
        ("authorization: token hunter2", "authorization: token [hidden]"),
        ("{'Authorization': 'Basic aHVudGVyMg=='}", "{'Authorization': 'Basic [hidden]'}"),
        (
            r'"{\"Authorization\": \"Bearer hunter2\"}"',
            r'"{\"Authorization\": \"Bearer [hidden]\"}"',
        ),
        ("(b'Authorization', b'Bearer hunter2')", "(b'Authorization', b'Bearer [hidden]')"),
        ('curl -H "Authorization: Bearer hunter2" a', 'curl -H "Authorization: Bearer [hidden]" a'),
        ("Authorization: hunter2", "Authorization: [hidden]"),
        ("Proxy-Authorization: Custom hunter2\nb", "Proxy-Authorization: [hidden]\nb"),
        ('Authorization: Digest username="a", response="hunter2"\nb', "Authorization: [hidden]\nb"),
        (f"Authorization: Token schedcore_{'x' * 40}", "Authorization: Token [hidden]"),
        ("sent Bearer eyJhbGciOi.J9eyJzd.WIiOiIx to it", "sent Bearer [hidden] to it"),
        ("the token 0d6f3a7be4c14c5f9f5c2a61b8d0e7a9", "the token [hidden]"),
    ],
)
def test_what_an_authorization_holds_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Cookie: sessionid=hunter2; a=hunter2\nHost: b", "Cookie: [hidden]\nHost: b"),
        ('Set-Cookie: a="hunter2"; Path=/', "Set-Cookie: [hidden]"),
        ("{'Cookie': 'a=hunter2; b=hunter2', 'Host': 'c'}", "{'Cookie': '[hidden]', 'Host': 'c'}"),
        ("(b'Cookie', b'a=hunter2')", "(b'Cookie', b'[hidden]')"),
        (r'"{\"Cookie\": \"a=hunter2\"}"', r'"{\"Cookie\": \"[hidden]\"}"'),
    ],
)
def test_what_a_cookie_holds_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "https://hooks.slack.com/services/T0AB/B0CD/hunter2",
            "https://hooks.slack.com/services/T0AB/B0CD/[hidden]",
        ),
        (
            "https://hooks.slack.com/triggers/T0/1/hunter2",
            "https://hooks.slack.com/triggers/[hidden]",
        ),
        (
            "Max retries exceeded with url: /services/T0AB/B0CD/hunter2 (Caused by",
            "Max retries exceeded with url: /services/T0AB/B0CD/[hidden] (Caused by",
        ),
        (
            "https://discord.com/api/v10/webhooks/123/hunter2?wait=1",
            "https://discord.com/api/v10/webhooks/123/[hidden]",
        ),
        (
            "https://discordapp.com/api/webhooks/1/hunter2",
            "https://discordapp.com/api/webhooks/1/[hidden]",
        ),
        (
            "'https://open.feishu.cn/open-apis/bot/v2/hook/hunter2'",
            "'https://open.feishu.cn/open-apis/bot/v2/hook/[hidden]'",
        ),
        (
            "https://a.webhook.office.com/webhookb2/hunter2/b",
            "https://a.webhook.office.com/webhookb2/[hidden]",
        ),
        (
            "https://outlook.office.com/webhook/hunter2",
            "https://outlook.office.com/webhook/[hidden]",
        ),
        (
            "https://api.telegram.org/bot12:hunter2/sendMessage",
            "https://api.telegram.org/bot[hidden]",
        ),
        ("/cgi-bin/webhook/send?key=hunter2&a=b", "/cgi-bin/webhook/send?key=[hidden]&a=b"),
        ("/robot/send?access_token=hunter2", "/robot/send?access_token=[hidden]"),
        ("/workflows/a?b=c&sig=hunter2", "/workflows/a?b=c&sig=[hidden]"),
        ("slack://hunter2/hunter2/hunter2/#ops", "slack://[hidden]"),
    ],
)
def test_what_lets_anybody_write_to_a_chat_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/people/@me",
        "https://host:443/?mail=a@example.org",
        "no password: type one",
        "password='' dbname=n",
        "PWD=/srv/schedcore",
        "a bad cookie: it has expired",
        "token_name=deploy",
        "mail to ops@example.org",
        "the authorization of ann failed",
        "a bearer of bad news, and a token of it",
        "token 2026-03-04T02:00:07.310Z",
        "slack://…",
        "/services/tomcat/bin/start.sh",
        "https://host/api/webhooks/",
        "https://host/list?monkey=1&keys=2",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "paſſword=hunter2",
        "toKen=hunter2",
        "API_KEY=hunter2",
        "apı_key=hunter2",
        "APİ_KEY=hunter2",
        "authorızatıon: hunter2",
        "AUTHORİZATİON: hunter2",
    ],
)
def test_a_name_is_known_by_all_letters_that_count_as_its_own(text: str) -> None:
    assert "hunter2" not in without_secrets(text)


def test_values_are_looked_into() -> None:
    value = {"host": "db1", "user": {"password": "hunter2"}, "urls": ["a://b:hunter2@c"]}
    assert masked(value) == {
        "host": "db1",
        "user": {"password": "[hidden]"},
        "urls": ["a://b:[hidden]@c"],
    }


@pytest.mark.parametrize(
    "hostile",
    [
        "://",
        "://a:",
        "://:x@",
        "authorization:",
        "authorization: ",
        "authorization: b ",
        "authorization'",
        "password'",
        "bearer 1",
        "token ",
        "/services/T",
        "/services/T/B",
        "/hooks.slack.com/",
        "/bot1",
        "?key=",
        "slack://",
        "schedcore_",
        '\\"',
        "password=\\",
        "password=a\\",
        'password="',
        'password="a',
        'password=\\"a',
        """token='a token=\\\\"b token="c """,
        """"secret": \\'a""",
        "cookie: ",
        "cookie: a=",
        """cookie': '""",
        "\\",
        " ",
    ],
)
def test_a_text_that_is_made_for_it_is_little_more_work_than_any_other(hostile: str) -> None:
    size = 150_000
    looked_at = "schedcore_ :// = : authorization token cookie "  # so that nothing is left out
    ordinary = (looked_at + "A line of a log, with words and the number 7. " * size)[:size]
    text = (hostile * size)[:size]
    assert _work(text) < 15 * _work(ordinary)
    half = text[: size // 2]
    assert _work(text) < 4 * _work(half)


def _work(text: str) -> float:
    """Seconds of the processor, without what else the machine does."""

    def once() -> float:
        began = time.thread_time()
        without_secrets(text)
        return time.thread_time() - began

    return max(min(once() for _ in range(5)), 1e-4)
