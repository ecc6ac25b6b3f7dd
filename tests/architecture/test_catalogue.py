"""Every text that people read is in Chinese too, and the compiled catalogue is what the written one says."""

import ast
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.running import PROJECT_DIR

ROOMS = ("accounts", "adminpanel", "chatplatform", "conversations", "providers", "quotas", "retrieval")
MARKS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
CATALOGUE = PROJECT_DIR / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def texts_in(source: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in MARKS:
            first = node.args[0] if node.args else None  # of a plural the singular: both are one entry
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def plain(catalogue: Catalog) -> dict[str, list[str]]:
    """By (singular) text; of a plural all forms."""
    return {
        message.id if isinstance(message.id, str) else message.id[0]: [message.string]
        if isinstance(message.string, str)
        else list(message.string)
        for message in catalogue
        if message.id and message.string and not message.fuzzy
    }


def domain_errors() -> set[str]:
    from chatplatform.core.errors import DomainError

    def below(kind: type[Exception]) -> set[type[Exception]]:
        found = {kind}
        for child in kind.__subclasses__():
            found |= below(child)
        return found

    return {kind.__doc__.strip() for kind in below(DomainError) if kind.__doc__ and kind.__module__.split(".")[0] in ROOMS}


def chinese() -> set[str]:
    """What has a translation. A plural is found by its singular."""
    with CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        return set(plain(read_mo(compiled)))


@pytest.mark.parametrize("room", ROOMS)
def test_every_marked_text_has_its_chinese(room):
    sources = [path for path in (PROJECT_DIR / room).rglob("*.py") if "migrations" not in path.parts]
    texts = set().union(*map(texts_in, sources))
    assert sorted(texts - chinese() - {""}) == []


def test_every_domain_error_has_its_chinese():
    assert sorted(domain_errors() - chinese()) == []


def test_the_compiled_catalogue_is_what_the_written_one_says():
    with CATALOGUE.open("rb") as written, CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        said, kept = plain(read_po(written)), plain(read_mo(compiled))
    assert said == kept, "run: pybabel compile -D django -d locale"
