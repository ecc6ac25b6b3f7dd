"""What waits. Its twin in `_sync` is written by hand."""

from asyncio import Lock, sleep

__all__ = ["Lock", "sleep"]
