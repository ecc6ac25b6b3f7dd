"""Reads many files as the product does, each in a process of its own, forked where the libraries are loaded already.

`python -m tests.retrieval.many EXTENSION FOLDER` leaves an answer beside each file, an empty one if the file ended its reader.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from retrieval.extract import Limits
from retrieval.extract.child import READERS
from retrieval.extract.child import main as read


def main(extension: str, folder: Path) -> None:
    import_module(READERS[extension].partition(":")[0])
    for path in sorted(folder.iterdir()):
        if os.fork() == 0:
            os.dup2(os.open(path.with_suffix(".json"), os.O_WRONLY | os.O_CREAT), sys.stdout.fileno())
            limits = Limits(cpu_seconds=20)
            read({"path": str(path), "extension": extension, "parent": os.getppid(), "limits": asdict(limits)})
            sys.stdout.flush()
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
