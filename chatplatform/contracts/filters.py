"""Filters that several contracts' lists have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from chatplatform.core.ids import parse_number

LONGEST_SEARCH = 200  # characters
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class _Flag(forms.CharField):
    """`true`, `false`, `1`, `0`, in any case; nothing else is taken for either."""

    def clean(self, value: Any) -> bool | None:
        text = str(super().clean(value) or "").lower()
        if text and text not in _FLAGS:
            raise forms.ValidationError(_("Must be true or false."))
        return _FLAGS.get(text)


class FlagFilter(Filter):
    field_class = _Flag


class _RowNumber(forms.CharField):
    def clean(self, value: Any) -> int | None:
        text = str(super().clean(value) or "")
        number = parse_number(text) if text else None
        if text and number is None:
            raise forms.ValidationError(_("Must be a whole number of at least 1."))
        return number


class RowNumberFilter(Filter):
    """The id of a row in a contract whose ids are numbers."""

    field_class = _RowNumber
