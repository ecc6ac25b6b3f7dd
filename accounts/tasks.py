"""What is done off the request. Tasks take ids and make one domain call."""

from celery import shared_task

from accounts import resets, sessions


@shared_task(autoretry_for=(OSError,), retry_backoff=10, retry_backoff_max=600, max_retries=5)
def send_password_reset(reset_id: int) -> None:
    """OSError is what every trouble with a mail server is, smtplib's own errors included."""
    resets.mail_reset(reset_id=reset_id)


@shared_task
def purge_expired() -> None:
    """Sessions and resets that can do nothing any more."""
    sessions.purge()
    resets.purge()
