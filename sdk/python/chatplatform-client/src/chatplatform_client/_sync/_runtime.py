"""What waits. Its twin in `_async` is written by hand."""

from threading import Lock
from time import sleep

__all__ = ["Lock", "sleep"]
