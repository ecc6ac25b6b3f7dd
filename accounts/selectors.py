"""Reads of one's own account."""

from accounts.models import ApiKey, User
from accounts.principal import Principal
from chatplatform.core.errors import NotSignedIn


def get_user(*, principal: Principal) -> User:
    """Her row. Raises NotSignedIn when it is gone or suspended since she came in."""
    user = User.objects.filter(id=principal.user_id, is_active=True).first()
    if user is None:
        raise NotSignedIn
    return user


def list_api_keys(*, principal: Principal) -> list[ApiKey]:
    """Her keys that were not revoked, newest first, expired ones included."""
    return list(ApiKey.objects.filter(user_id=principal.user_id, revoked_at=None).order_by("-id"))
