"""Each contract as its own client would use it, behind one face, so that one test can be asked of all of them.

A driver knows its document and nothing of us. What a document has no way for is in its driver's `lacks`.
"""

from tests.drivers.base import Driver, Need, Page, Said, Thing
from tests.drivers.chat_system import ChatSystem
from tests.drivers.chatgpt_backend import ChatGptBackend
from tests.drivers.coze import Coze
from tests.drivers.llmchat import LlmChat
from tests.drivers.lyss import Lyss
from tests.drivers.openai import OpenAi

DRIVERS: tuple[type[Driver], ...] = (ChatSystem, ChatGptBackend, LlmChat, Lyss, Coze, OpenAi)

__all__ = ["DRIVERS", "Driver", "Need", "Page", "Said", "Thing"]
