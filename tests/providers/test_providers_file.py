"""providers.toml: what it may say, what becomes of it, and that a bad file changes nothing."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from pytest_django import Settings

from chatplatform.core.models import AuditEvent
from providers import registry, services
from providers.errors import BadProvidersFile
from providers.models import Agent, Distribution, Fallback, ManagedBy, Model, Provider
from providers.reloading import Reload, apply_file
from retrieval.models import Topic
from retrieval.selectors import topics_of_agent
from tests.factories import make_user
from tests.providers.people import HERE, administrator, give, own, person, shared

pytestmark = pytest.mark.django_db
KEY = "sk-canary-0123456789abcdef"
EXAMPLE = Path(__file__).resolve().parents[2] / "providers.example.toml"

TWO = """
[providers.acme]
kind = "openai"
name = "Acme"
api_key_env = "ACME_KEY"
model = "gpt-4o-mini"
models = ["gpt-4o"]
config = { temperature = 0.7, max_tokens = 2000 }
for_everyone = true
position = 5
fallbacks = ["home"]

[providers.home]
kind = "ollama"
base_url = "http://127.0.0.1:11434/"
model = "qwen3:4b"

[agents.writer]
name = "写作助手"
category = "写作助手"
provider = "acme"
capabilities = ["text_generation"]
config = { model = "gpt-4o", temperature = 0.7, max_tokens = 2000 }
system_prompt = '''
[providers.acme]
kind = "this is a text and no table"
'''
"""

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ACME_KEY", KEY)
    with translation.override("en"):
        yield


@pytest.fixture
def write(settings: Settings, tmp_path: Path) -> Write:
    settings.PROVIDERS_FILE = tmp_path / "providers.toml"

    def write(text: str) -> Path:
        path: Path = settings.PROVIDERS_FILE
        path.write_text(text)
        return path

    return write


def applied(write: Write, text: str, **options: Any) -> Reload:
    return apply_file(write(text), **options)


def problems(write: Write, text: str) -> list[str]:
    with pytest.raises(BadProvidersFile) as refused:
        applied(write, text)
    return [str(problem) for problem in refused.value.problems]


def everything() -> list[Any]:
    return [list(table._default_manager.order_by("pk").values()) for table in (Provider, Model, Fallback, Agent, Distribution)]


def test_it_makes_what_it_declares(write: Write) -> None:
    done = applied(write, TWO)
    assert (done.providers, done.agents) == (2, 1)
    assert [line[:16] for line in done.changes] == [
        "+ provider acme ",
        "+ provider home ",
        "~ provider acme:",
        "+ agent writer (",
    ]
    acme, home = Provider.objects.order_by("position")
    assert (acme.name, acme.kind, acme.base_url, acme.default_model) == (
        "Acme",
        "openai",
        "https://api.openai.com/v1",
        "gpt-4o-mini",
    )
    assert (acme.is_default, acme.position, acme.price_vendor, acme.managed_by) == (True, 5, "openai", ManagedBy.FILE)
    assert (acme.config, acme.key_last4) == ({"temperature": 0.7, "max_tokens": 2000}, KEY[-4:])
    assert (home.base_url, home.is_default, home.has_key) == ("http://127.0.0.1:11434", False, False)
    assert [model.name for model in acme.models.all()] == ["gpt-4o"]
    assert [row.fallback for row in acme.fallbacks.all()] == [home]
    agent = Agent.objects.get()
    assert (agent.name, agent.provider, agent.status) == ("写作助手", acme, "active")
    assert agent.system_prompt.startswith("[providers.acme]")
    (route, *_others) = registry.find_routes(principal=person("alice"), model="gpt-4o")
    assert route.provider_id == acme.pk


def test_a_second_time_nothing_is_to_do(write: Write) -> None:
    applied(write, TWO)
    before = everything()
    assert applied(write, TWO).changes == ()
    assert everything() == before


def test_a_dry_run_says_what_would_be_and_does_nothing(write: Write) -> None:
    would = applied(write, TWO, dry_run=True).changes
    assert everything() == [[], [], [], [], []]
    assert not AuditEvent.objects.filter(action="providers.reloaded").exists()
    assert applied(write, TWO).changes == would


def test_the_diff_names_what_differs_and_never_a_key(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(write, TWO)
    monkeypatch.setenv("ACME_KEY", KEY + "-new")
    changed = TWO.replace('name = "Acme"', 'name = "Acme 2"').replace('["gpt-4o"]', '["gpt-4.1"]').replace('["home"]', "[]")
    done = applied(write, changed)
    assert done.changes == (
        "~ provider acme: name 'Acme' → 'Acme 2'; key set; models: gpt-4.1",
        "~ provider acme: falls back on: -",
    )
    assert [model.name for model in Model.objects.all()] == ["gpt-4.1"]
    assert KEY not in str([done, everything(), list(AuditEvent.objects.values())])


def test_what_it_no_longer_has_is_switched_off_without_its_key_and_may_come_back(write: Write) -> None:
    root, alice = administrator(), person("alice")
    applied(write, TWO)
    acme = Provider.objects.get(key="acme")
    give(root, acme, alice)
    done = applied(write, TWO.partition("[providers.home]")[2].join(["[providers.home]", ""]).replace('provider = "acme"', ""))
    assert done.changes[0] == "- provider acme"
    acme.refresh_from_db()
    assert (acme.is_active, acme.has_key) == (False, False)
    applied(write, "")
    assert [agent.status for agent in Agent.objects.all()] == ["inactive"]
    applied(write, TWO)
    acme.refresh_from_db()
    assert (acme.is_active, acme.has_key, Agent.objects.get().status) == (True, True, "active")
    assert registry.find_routes(principal=alice, provider_id=acme.pk)
    assert Provider.objects.count() == 2


def test_what_was_made_by_hand_is_left_alone(write: Write) -> None:
    root, alice = administrator(), person("alice")
    by_hand, personal = shared(root, "acme"), own(alice, "acme")
    agent = Agent.objects.create(name="writer", provider=by_hand)
    before = [Provider.objects.filter(pk__in=[by_hand.pk, personal.pk]).values().order_by("pk"), Agent.objects.values()]
    kept = [list(rows) for rows in before]
    applied(write, TWO)
    Model.objects.create(provider=Provider.objects.get(key="acme"), name="listed by hand")
    applied(write, TWO.replace("models", "#"))
    applied(write, "")
    assert list(Provider.objects.filter(pk__in=[by_hand.pk, personal.pk]).values().order_by("pk")) == kept[0]
    assert list(Agent.objects.filter(pk=agent.pk).values()) == kept[1]
    assert [model.name for model in Model.objects.all()] == ["listed by hand"]


def test_an_agent_may_stand_on_a_provider_that_is_not_in_the_file(write: Write) -> None:
    ours = shared(administrator(), "ours")
    applied(write, '[agents.writer]\nprovider = "ours"')
    assert Agent.objects.get().provider == ours
    (problem,) = problems(write, '[agents.writer]\nname = "x"\nprovider = "theirs"')
    assert problem.startswith("line 3: agents.writer: provider: there is no provider theirs")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[providers.acme]\nkind = openai", 2, "Invalid value"),
        ('[providers.acme]\nkind = "openai', 2, "Unterminated string"),
        ("[providers", 1, "Expected"),
        ('[providers.a]\nkind="openai"\n[providers.a]\n', 3, "Cannot declare"),
        ('x = 1\n[providers.acme]\nkind = "openai"', 1, "Only tables"),
        ('providers = "acme"', 1, "must be a table"),
        ('[providers]\nacme = "openai"', 2, "must be a table"),
        ('[providers."a b"]\nkind = "openai"', 1, "table's name"),
        ("[providers.acme]\n", 1, "One of these is needed"),
        ('[providers.acme]\nkind = "gemini"', 2, "One of these is needed"),
        ('[providers.acme]\nkind = "openai"\nurl = "x"', 3, "not known here"),
        ('[providers.acme]\nkind = "openai"\nposition = "first"', 3, "wrong type"),
        ('[providers.acme]\nkind = "openai"\nposition = true', 3, "wrong type"),
        ('[providers.acme]\nkind = "openai"\nposition = 99999', 3, "from 0 to 32767"),
        (f'[providers.acme]\nkind = "openai"\napi_key = "{KEY}"', 3, "api_key_env"),
        ('[providers.acme]\nkind = "openai"\napi_key_env = "NOT_THERE_KEY"', 3, "NOT_THERE_KEY is not set"),
        ('[providers.acme]\nkind = "openai"\napi_key_env = "SECRET_KEY"', 3, "not the name of a variable"),
        ('[providers.acme]\nkind = "openai"\napi_key_env = "ENCRYPTION_KEYS_FILE"', 3, "not the name of a variable"),
        ('[providers.acme]\nkind = "custom"\nmodel = "m"', 1, "This is needed"),
        ('[providers.acme]\nkind = "custom"\nmodel = "m"\nbase_url = "ftp://x"', 4, "https://"),
        ('[providers.acme]\nkind = "custom"\nmodel = "m"\nbase_url = "http://169.254.169.254/"', 4, "may not be used"),
        ('[providers.acme]\nkind = "openai"\n\n[providers.acme.config]\ntemperature = "warm"', 5, "from 0 to 2"),
        ('[providers.acme]\nkind = "openai"\nconfig = { temprature = 1 }', 3, "config.temprature"),
        ('[providers.acme]\nkind = "coze"\n', 1, "config.bot_id"),
        ('[providers.acme]\nkind = "openai"\nfallbacks = ["acme"]', 3, "no fallback of itself"),
        ('[providers.acme]\nkind = "openai"\nfallbacks = ["nobody"]', 3, "no provider nobody"),
        ('[providers.acme]\nkind = "openai"\nmodels = [1]', 3, "models"),
        ('[providers.acme]\nkind = "openai"\nconfig = { temperature = 1' + "0" * 400 + " }", 3, "from 0 to 2"),
        (f'[providers.acme]\nkind = "openai"\nprice_list = "{"x" * 51}"', 3, "too long"),
        ('[providers.acme]\nkind = "openai"\nprice_list = "\\u0000"', 3, "too long"),
        ('[agents.writer]\navatar = "javascript:alert(1)"', 2, "https://"),
        ('[agents.writer]\nkey = "x"', 2, "not known here"),
        ('[agents.writer]\nsystem_prompt = """\n[agents.x]\nkind=1\n"""\nprovider = "nobody"', 6, "no provider nobody"),
    ],
)
def test_a_bad_file_changes_nothing_and_says_line_and_reason(write: Write, text: str, line: int, words: str) -> None:
    applied(write, TWO)
    before = everything()
    (problem,) = problems(write, text)
    assert problem.startswith(f"line {line}: ")
    assert words in problem
    assert KEY not in problem
    assert everything() == before


def test_everything_that_is_wrong_is_told_at_once(write: Write) -> None:
    text = '[agents.a]\nstatus = 1\n[providers.b]\nkind = "x"\n[providers.c]\nkind = "openai"\nname = ""'
    assert [problem.split(":")[0] for problem in problems(write, text)] == ["line 2", "line 4", "line 7"]


def test_a_file_that_is_not_there_or_is_no_text_is_told(write: Write, tmp_path: Path) -> None:
    with pytest.raises(BadProvidersFile) as refused:
        apply_file(tmp_path / "nothing.toml")
    assert "nothing.toml cannot be read" in refused.value.issue
    assert str(tmp_path) not in refused.value.issue
    write("").write_bytes(b'[providers.a]\nname = "\xff"')
    with pytest.raises(BadProvidersFile) as refused:
        apply_file(tmp_path / "providers.toml")
    assert refused.value.issue.startswith("line 2:")
    for text in ("a = " + "[" * 5_000, "a = " + "1" * 5_000):
        assert problems(write, text) == ["This cannot be read."]
    write("#" * 1_000_001)
    with pytest.raises(BadProvidersFile):
        apply_file(tmp_path / "providers.toml")


def test_the_example_says_what_can_be_said(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert applied(write, EXAMPLE.read_text()) == Reload((), 0, 0)
    for name in ("TEAM_OPENAI_KEY", "TEAM_ANTHROPIC_KEY", "COZE_KEY"):
        monkeypatch.setenv(name, KEY)
    Provider.objects.create(name="local", kind="local", managed_by=ManagedBy.ENVIRONMENT)
    alice = make_user("alice")
    topics = [Topic.objects.create(owner=alice, name=name) for name in ("Handbook", "Notes")]
    lines = EXAMPLE.read_text().splitlines()
    begins = next(number for number, line in enumerate(lines) if line.startswith("# ["))
    text = "\n".join(line.removeprefix("# ") for line in lines[begins:] if not line.startswith("# ---"))
    done = applied(write, text)
    assert (done.providers, done.agents) == (4, 1)
    agent = Agent.objects.get()
    assert agent.provider == Provider.objects.get(key="openai-team")
    assert topics_of_agent(agent_id=agent.pk) == tuple(topic.pk for topic in topics)


def test_nobody_takes_the_place_of_a_topic_by_calling_hers_like_it(write: Write) -> None:
    handbook = Topic.objects.create(owner=make_user("alice"), name="Handbook")
    Topic.objects.create(owner=make_user("mallory"), name="alice/Handbook")
    applied(write, '[agents.helper]\nname = "Helper"\nsystem_prompt = "Help."\ntopics = ["alice/Handbook"]\n')
    assert topics_of_agent(agent_id=Agent.objects.get().pk) == (handbook.pk,)


def test_the_command_prints_the_diff_and_ends_with_1_for_a_bad_file(write: Write, tmp_path: Path) -> None:
    write(TWO)
    for options, there, said in (({"dry_run": True}, 0, "none of them made"), ({}, 2, "4 changes"), ({}, 2, "nothing to change")):
        output = StringIO()
        call_command("reload_providers", stdout=output, **options)
        assert said in output.getvalue()
        assert Provider.objects.count() == there
    other = tmp_path / "other.toml"
    other.write_text("[providers.acme]\nkind = 1")
    with pytest.raises(CommandError) as refused:
        call_command("reload_providers", str(other))
    assert refused.value.returncode == 1
    assert f"{other}: line 2: " in str(refused.value)
    assert Provider.objects.filter(is_active=True).count() == 2


def test_an_administrator_reloads_by_the_service_and_it_is_recorded(write: Write) -> None:
    root = administrator()
    write(TWO)
    done = services.reload_from_file(principal=root, origin=HERE)
    assert len(done.changes) == 4
    event = AuditEvent.objects.get(action="providers.reloaded")
    assert (event.actor_id, event.details["changes"]) == (root.user_id, list(done.changes))
