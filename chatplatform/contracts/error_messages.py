"""The messages of all domain errors, where `makemessages` finds them: in the code they are the classes' docstrings.

A test holds this list against the classes.
"""

from django.utils.translation import gettext_noop

ERROR_MESSAGES = (
    gettext_noop("Something went wrong."),
    gettext_noop("The input is not valid."),
    gettext_noop("The body of the request is malformed."),
    gettext_noop("This host name is not served here."),
    gettext_noop("The name or address is already taken."),
    gettext_noop("The idempotency key was used with another body."),
    gettext_noop("There is no such model."),
    gettext_noop("Authentication is required."),
    gettext_noop("The token has expired."),
    gettext_noop("The username or password is wrong."),
    gettext_noop("You are not allowed to do this."),
    gettext_noop("The resource does not exist."),
    gettext_noop("The conversation does not exist."),
    gettext_noop("The message does not exist."),
    gettext_noop("The turn does not exist."),
    gettext_noop("The request conflicts with the current state."),
    gettext_noop("An answer is already being written in this conversation."),
    gettext_noop("Please try again later."),
    gettext_noop("Too many requests, please try again later."),
    gettext_noop("Too many failed attempts, please try again later."),
    gettext_noop("The quota is used up."),
    gettext_noop("The service is temporarily unavailable."),
    gettext_noop("The database is temporarily unavailable."),
    gettext_noop("The cache is temporarily unavailable."),
    gettext_noop("The server is being restarted."),
    gettext_noop("The model's provider is switched off."),
    gettext_noop("The file of providers cannot be used; nothing was changed."),
    gettext_noop("There is no such provider."),
    gettext_noop("There is no such agent."),
    gettext_noop("This provider is not yours to use."),
    gettext_noop("This address is answered by the ASGI server only."),
    gettext_noop("The message does not fit the model's context."),
    gettext_noop("The model's provider failed to answer."),
    gettext_noop("This method is not allowed here."),
    gettext_noop("The requested version is not available."),
    gettext_noop("The body of the request is too large."),
    gettext_noop("The body of the request did not arrive in time."),
    gettext_noop("This content type is not supported."),
    gettext_noop("A WebSocket is spoken at this address."),
)
