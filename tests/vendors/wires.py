"""The vendors' doubles, by name: a line for each kind of wire that an adapter speaks."""

from tests.vendors.anthropic import AnthropicWire
from tests.vendors.coze import CozeWire
from tests.vendors.dify import DifyWire
from tests.vendors.fastgpt import FastGPTWire
from tests.vendors.ollama import OllamaWire
from tests.vendors.openai import OpenAIWire
from tests.vendors.wire import Wire

ALL = (OpenAIWire(), AnthropicWire(), OllamaWire(), DifyWire(), FastGPTWire(), CozeWire())
WIRES: dict[str, Wire] = {wire.name: wire for wire in ALL}
