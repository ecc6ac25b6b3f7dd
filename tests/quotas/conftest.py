import pytest


@pytest.fixture
def roomy(transactional_db: None) -> None:
    """A standard tier without limits on tokens or requests."""
    from tests.quotas.sends import limit

    limit(daily_requests=None, monthly_requests=None, daily_tokens=None, monthly_tokens=None)
