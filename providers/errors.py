"""InvalidInput
    └── UnknownModel            neither a model of a provider nor an alias
Unavailable
    └── ProviderSwitchedOff     there is one, but it may not be asked now
"""

from django.utils.translation import gettext as _

from chatplatform.core.errors import InvalidInput, Unavailable


class UnknownModel(InvalidInput):
    """There is no such model."""

    def __init__(self, model: str) -> None:
        super().__init__(field="model", issue=_("There is no such model."))
        self.model = model


class ProviderSwitchedOff(Unavailable):
    """The model's provider is switched off."""

    def __init__(self) -> None:
        super().__init__(retry_after=60)
