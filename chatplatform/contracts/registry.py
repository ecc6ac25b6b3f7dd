"""The contracts that are spoken, and whose dialect a path is answered in when no view of theirs gets to speak: an unknown path,
a body that is too large, a failure of the machinery itself."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chatplatform.contracts.chat_system.contract import CHAT_SYSTEM
from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND
from chatplatform.contracts.contract import Contract
from chatplatform.contracts.coze.contract import COZE
from chatplatform.contracts.llmchat.contract import LLMCHAT
from chatplatform.contracts.lyss.contract import LYSS
from chatplatform.contracts.openai.contract import OPENAI
from chatplatform.core.errors import InvalidInput

CONTRACTS = (CHATGPT_BACKEND, LYSS, LLMCHAT, CHAT_SYSTEM, OPENAI, COZE)

DIALECTS: tuple[tuple[str, Contract], ...] = (
    # The first whose path is the beginning of the request's. A new contract adds its rows above the general ones.
    ("/lyss/api/v1", LYSS),
    ("/api/v1/providers", LYSS),
    ("/api/v1/statistics", LYSS),
    ("/api/v1/system", LYSS),
    ("/api/v1/admin/users", LYSS),
    ("/api/v1/admin/statistics", LYSS),
    ("/api/v1/agents", LLMCHAT),
    ("/api/v1/upload", LLMCHAT),
    ("/api/v1/cad", LLMCHAT),
    ("/api/v1/admin/stats", LLMCHAT),
    ("/api/v1/admin/audit", LLMCHAT),
    ("/api/v1/chat/completions", LLMCHAT),
    ("/api/v1/chat/sessions/save", LLMCHAT),
    ("/api/v1/chat/sessions", CHAT_SYSTEM),
    ("/api/v1/chat/messages", CHAT_SYSTEM),
    ("/api/v1/chat/search", CHAT_SYSTEM),
    ("/api/v1/topics", CHAT_SYSTEM),
    ("/api/v1", CHATGPT_BACKEND),
    ("/api", LLMCHAT),
    ("/v1", OPENAI),
    ("/health", LLMCHAT),
    ("/metrics", LLMCHAT),
    ("/chat", COZE),
    ("/session", COZE),
    ("", COZE),
)

_BY_PATH = dict(DIALECTS)
_API = tuple({f"/{path.split('/')[1]}/" for path, _contract in DIALECTS if path})


def is_api(path: str) -> bool:
    """Whether only programs have business there."""
    return f"{path}/".startswith(_API)


def contract_for(path: str) -> Contract:
    """Whose row of the table `path` falls under, claimed by a route or not."""
    for base, contract in DIALECTS:
        if path == base or path.startswith(f"{base}/") or not base:
            return contract
    raise AssertionError("the last row of DIALECTS is for every path")


def owner_of(path: str) -> Contract | None:
    """Whose row is written out for this very path."""
    return _BY_PATH.get(path)


def contract_named(name: str) -> Contract:
    for contract in CONTRACTS:
        if contract.name == name:
            return contract
    raise InvalidInput(field="contract", issue=_("There is no such contract."))
