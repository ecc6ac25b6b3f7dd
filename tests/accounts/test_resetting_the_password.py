"""A forgotten password: the mail, its link, and what a stranger can learn (nothing)."""

import json
import re
from datetime import timedelta

import pytest
import redis
from celery import current_app
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from kombu import Connection
from kombu.pools import producers
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts import resets, services
from accounts.door import Credentials, authenticate
from accounts.models import PasswordReset, User
from accounts.tasks import purge_expired, send_password_reset
from chatplatform.core.errors import InvalidInput, NotSignedIn, WrongCredentials
from chatplatform.core.models import AuditEvent
from tests.accounts.helpers import HOME, all_at_once, enter, sign_in
from tests.factories import PASSWORD, make_user

NEW = "a better password"


def ask(address: str = "alice@example.com") -> PasswordReset:
    services.request_password_reset(email=address, origin=HOME)
    return PasswordReset.objects.latest("id")


def mailed_token(address: str = "alice@example.com") -> str:
    """The token that a person finds in her mail."""
    before = len(mail.outbox)
    send_password_reset(ask(address).id)
    assert len(mail.outbox) == before + 1
    found = re.search(r"#token=([A-Za-z0-9_-]{43})\s", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def use(token: str, password: str = NEW) -> None:
    services.reset_password(token=token, new_password=password, origin=HOME)


def refused(token: str, password: str = NEW) -> str:
    with pytest.raises(InvalidInput) as refusal:
        use(token, password)
    return refusal.value.field


@pytest.mark.django_db(transaction=True)
def test_the_mailed_link_sets_a_new_password_and_ends_all_sessions() -> None:
    alice = make_user("alice")
    signed_in = sign_in(alice)
    enter(signed_in)

    use(mailed_token())

    with pytest.raises(NotSignedIn):
        enter(signed_in)
    with pytest.raises(NotSignedIn):
        services.refresh(refresh_token=signed_in.refresh_token, origin=HOME)
    with pytest.raises(WrongCredentials):
        sign_in(alice)
    sign_in(alice, NEW)
    actions = AuditEvent.objects.filter(action__startswith="password.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["password.reset_requested", "password.reset_mailed", "password.reset"]


def test_the_link_is_built_from_the_public_address_and_goes_to_the_stored_one(alice: User, settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://chat.example.org/"
    send_password_reset(ask("ALICE@example.com").id)
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.com"]
    assert "https://chat.example.org/app/reset-password#token=" in str(sent.body)


def test_the_mail_speaks_the_language_of_the_request(alice: User) -> None:
    with translation.override("en"):
        reset = ask()
    send_password_reset(reset.id)
    assert mail.outbox[0].subject == "Reset your password"


def test_a_name_with_markup_stays_text_in_the_mail(db: None) -> None:
    make_user("alice", display_name="<b>Alice & Co</b>")
    mailed_token()
    assert "<b>Alice & Co</b>" in str(mail.outbox[0].body)


def test_a_stranger_learns_nothing_from_asking(alice: User) -> None:
    make_user("bob", is_active=False)
    work = []
    for address in ("alice@example.com", "nobody@example.com", "bob@example.com"):
        with CaptureQueriesContext(connection) as queries:
            reset = ask(address)
        work.append([query["sql"].split()[0] for query in queries])
        send_password_reset(reset.id)
    assert work[0] == work[1] == work[2]
    assert [sent.to for sent in mail.outbox] == [["alice@example.com"]]


def test_what_is_no_address_is_refused(db: None) -> None:
    for text in ("alice", "alice@example.com\r\nBcc: mallory@example.com", "ali\x00ce@example.com", "\ud800@example.com"):
        with pytest.raises(InvalidInput) as refusal:
            services.request_password_reset(email=text, origin=HOME)
        assert refusal.value.field == "email"


def test_the_token_is_neither_in_the_database_nor_in_the_queue(
    alice: User, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("celery")
    with django_capture_on_commit_callbacks(execute=True):
        reset = ask()
    (message,) = queue.lrange("celery", 0, -1)
    queue.delete("celery")
    assert json.loads(message)["headers"]["task"] == "accounts.tasks.send_password_reset"
    assert json.loads(message)["headers"]["argsrepr"] == f"[{reset.id}]"

    send_password_reset(reset.id)
    token = re.search(r"#token=(\S+)", str(mail.outbox[0].body))
    assert token is not None
    assert token[1].encode() not in message
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM accounts_passwordreset r")
        row = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(row_to_json(e)::text, ' ') FROM core_auditevent e")
        events = cursor.fetchone()[0]
    assert token[1] not in row
    assert token[1] not in events


def test_a_token_of_the_same_database_under_another_key_is_not_mailed(alice: User, settings: Settings) -> None:
    reset = ask()
    settings.SECRET_KEY = "another secret key, as long as it needs to be for this"
    send_password_reset(reset.id)
    assert mail.outbox == []


def test_without_a_broker_the_answer_is_the_same_and_the_log_tells(
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    nowhere = Connection("redis://127.0.0.1:1/0", transport_options=current_app.conf.broker_transport_options)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", producers[nowhere])

    with django_capture_on_commit_callbacks(execute=True):
        services.request_password_reset(email="alice@example.com", origin=HOME)

    assert "password_reset_not_enqueued" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_at_once_one_succeeds() -> None:
    make_user("alice")
    token = mailed_token()

    results = [result for _ in range(2) for result in all_at_once(25, lambda: use(token))]

    assert [result for result in results if result is None] == [None]
    assert {type(result) for result in results} == {type(None), InvalidInput}
    assert AuditEvent.objects.filter(action="password.reset", outcome="ok").count() == 1


def test_a_link_works_for_an_hour(alice: User) -> None:
    token = mailed_token()
    reset = PasswordReset.objects.get()
    assert reset.expires_at - reset.created_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    PasswordReset.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refused(token) == "token"


@pytest.mark.parametrize("event", ["log in", "password", "address", "suspension", "another reset"])
def test_a_link_dies_when_it_is_not_needed_any_more(alice: User, event: str) -> None:
    token = mailed_token()
    other = mailed_token()
    match event:
        case "log in":
            sign_in(alice)
        case "password":
            principal = enter(services.sessions.start(user=alice, origin=HOME))
            services.change_password(principal=principal, current_password=PASSWORD, new_password=NEW, origin=HOME)
        case "address":
            principal = enter(services.sessions.start(user=alice, origin=HOME))
            services.update_profile(principal=principal, email="alice@example.net", origin=HOME)
        case "suspension":
            services.set_active(user_id=alice.id, active=False, actor_id=None, origin=HOME)
        case "another reset":
            use(other)
    assert refused(token) == "token"


def test_a_refused_password_does_not_use_the_token_up(alice: User) -> None:
    token = mailed_token()
    assert refused(token, "short") == "new_password"
    assert refused(token, "alice@example.com") == "new_password"
    use(token)
    assert refused(token) == "token"


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a\x00b", "A" * 43, "x" * 1_000_000])
def test_garbage_is_no_token(alice: User, token: str) -> None:
    ask()
    assert refused(token) == "token"


def test_a_reset_token_is_no_bearer_token(alice: User) -> None:
    with pytest.raises(NotSignedIn):
        authenticate(Credentials(bearer=mailed_token()))


def test_three_mails_an_hour_go_to_an_account_however_often_they_are_asked_for(alice: User, bob: User) -> None:
    for _ in range(5):
        send_password_reset(ask().id)
    assert len(mail.outbox) == resets.MAILS_AN_HOUR
    send_password_reset(ask("bob@example.com").id)
    assert len(mail.outbox) == resets.MAILS_AN_HOUR + 1

    PasswordReset.objects.filter(user=alice).update(sent_at=timezone.now() - timedelta(minutes=61))
    send_password_reset(ask().id)
    assert len(mail.outbox) == resets.MAILS_AN_HOUR + 2


@pytest.mark.django_db(transaction=True)
def test_a_task_delivered_many_times_sends_one_mail() -> None:
    make_user("alice")
    reset = ask()
    assert sorted(all_at_once(8, lambda: resets.mail_reset(reset_id=reset.id)), key=bool) == [False] * 7 + [True]
    assert len(mail.outbox) == 1


def test_a_mail_that_the_server_did_not_take_can_be_sent_again(alice: User, settings: Settings) -> None:
    reset = ask()
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(OSError, match="refused"):
        resets.mail_reset(reset_id=reset.id)

    settings.EMAIL_BACKEND = working
    assert resets.mail_reset(reset_id=reset.id)


def test_purging_takes_old_requests(alice: User) -> None:
    ask()
    old = ask()
    PasswordReset.objects.filter(id=old.id).update(expires_at=timezone.now() - timedelta(days=2))
    purge_expired()
    assert PasswordReset.objects.count() == 1
