"""What the double of a vendor is made of: how it says things. What happens is `plays.py`, who serves it `documented.py`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from providers.base import Endpoint, Limits, PromptMessage, Provider, ProviderFault, ProviderRequest

KEY = "sk-canary-4f9d2c7e8a1b"
"""In every endpoint's key; never to be seen anywhere."""
MESSAGES = (PromptMessage("system", "Be brief."), PromptMessage("user", "hello"))
PROMPT_TOKENS, CACHED_TOKENS = 11, 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came, the wire's name taken off its path."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The JSON of it; None without one."""


class Wire(ABC):
    """How one vendor says things. `page` has its format, `read_on` is when it was read: see the README's table of vendors."""

    name: ClassVar[str]
    page: ClassVar[str]
    read_on: ClassVar[str]
    """Empty: nobody has, the format is unverified."""
    media: ClassVar[str] = "text/event-stream"
    busy_inside: ClassVar[ProviderFault] = ProviderFault.BUSY
    """What `error_inside` comes to."""
    caches: ClassVar[bool] = True
    """Whether its usage tells cached tokens apart."""
    thinks: ClassVar[bool] = True
    """Whether its stream tells reasoning apart."""
    limits_answers: ClassVar[bool] = True
    """Whether its stream says that the answer was cut at its longest."""

    # The caller's side

    @abstractmethod
    def provider(self, endpoint: Endpoint) -> Provider:
        """The adapter."""

    def endpoint(self, url: str, script: str, limits: Limits) -> Endpoint:
        """Of a provider whose answers are that script; `url` is the server's, the wire's name included."""
        return Endpoint(url, KEY, trusted=True, limits=limits)

    def request(self, script: str) -> ProviderRequest:
        return ProviderRequest(model=script, messages=MESSAGES, max_tokens=100_000)

    # The vendor's side

    @abstractmethod
    def script(self, asked: Asked) -> str:
        """The script's name in a request for an answer; empty for any other request."""

    @abstractmethod
    def other(self, asked: Asked) -> Any:
        """The JSON that answers any other request; None for a path that there is not."""

    @abstractmethod
    def refusal(self, status: int, words: str) -> tuple[int, Any]:
        """Status and JSON of a refusal: 401, 404, 429 or 500, with these words somewhere in it."""

    @abstractmethod
    def opening(self, asked: Asked) -> bytes:
        """What comes before the first token."""

    @abstractmethod
    def delta(self, text: str) -> bytes:
        """One token."""

    @abstractmethod
    def thought(self, text: str) -> bytes:
        """One token of reasoning."""

    @abstractmethod
    def ending(self, asked: Asked, completion_tokens: Any, *, length: bool = False) -> bytes:
        """Everything after the last token. Usage is `PROMPT_TOKENS`, of which `CACHED_TOKENS`, and `completion_tokens`;
        none when that is None. `length`: the answer was cut at its longest."""

    @abstractmethod
    def error_inside(self) -> bytes:
        """A busy vendor's error in the midst of a stream."""

    @abstractmethod
    def bad_events(self) -> bytes:
        """Events that are none: half an object, a list, nothing."""
