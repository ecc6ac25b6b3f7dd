"""What the benchmarks have in common as programs: a plan becomes a command line, and the result a table and a JSON file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from bench.machine import commit, machine

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found."""

    title: str
    setting: str
    """What was measured, in a sentence."""
    text: str
    """Markdown: a table and what stands under it."""
    figures: Any
    """Everything, for `--json`."""

    def __str__(self) -> str:
        return f"### {self.title}\n\n{self.setting}\n\n{self.text}\n"


def option(default: Any, explanation: str, *choices: str) -> Any:
    """A plan's field that the command line can set. A tuple takes several values, False becomes a switch."""
    return field(default=default, metadata={"help": explanation, "choices": choices})


def parser_of(plan: type[Any], doc: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for one in fields(plan):
        assert one.default is not MISSING
        name, explanation = f"--{one.name.replace('_', '-')}", f"{one.metadata['help']} (default {one.default})"
        if one.default is False:
            parser.add_argument(name, action="store_true", help=one.metadata["help"])
        elif isinstance(one.default, tuple):
            parser.add_argument(name, type=type(one.default[0]), nargs="+", default=one.default, help=explanation)
        else:
            choices = one.metadata["choices"] or None
            parser.add_argument(name, type=type(one.default), default=one.default, choices=choices, help=explanation)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    return parser


def read(plan: type[P], doc: str, arguments: Sequence[str] | None = None) -> tuple[P, Path | None]:
    """The plan that the command line asks for, and the file for the figures."""
    options = vars(parser_of(plan, doc).parse_args(arguments))
    file: Path | None = options.pop("json")
    return plan(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}), file


def main(plan: type[P], doc: str, run: Callable[[P], Section]) -> None:
    """One benchmark as a program."""
    chosen, file = read(plan, doc)
    print(about(), flush=True)
    section = run(chosen)
    print(f"\n{section}")
    if file is not None:
        facts = {"about": about(), "plan": asdict(chosen), "figures": section.figures}  # type: ignore[call-overload]
        file.write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))


def about() -> str:
    return f"commit {commit()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}"


def say(progress: str) -> None:
    """On standard error, so that the tables can be kept by themselves."""
    print(progress, file=sys.stderr, flush=True)
