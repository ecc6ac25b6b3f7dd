"""Log files of the parts, bounded in size. Losing a log line never ends a part: a full disk is swallowed here."""

import contextlib
from pathlib import Path
from typing import BinaryIO

LARGEST = 10 * 1024 * 1024  # bytes of one file
KEPT = 3  # older files: name.log.1 is the newest of them


class RotatingLog:
    """Appends bytes to a file that is moved aside when it has grown to `LARGEST` bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append `data` as it is."""
        with contextlib.suppress(OSError):
            if self._file is None or self._size + len(data) > LARGEST:
                self._open()
            assert self._file is not None
            self._file.write(data)
            self._size += len(data)

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _open(self) -> None:
        self.close()
        if self.path.exists() and self.path.stat().st_size >= LARGEST // 2:
            for number in range(KEPT, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
                if older.exists():
                    older.replace(self.path.with_name(f"{self.path.name}.{number}"))
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - open as long as the log lives
        self.path.chmod(0o600)
        self._size = self.path.stat().st_size


def last_lines(path: Path, count: int = 8) -> str:
    """The last lines of a log, to be shown with an error."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
