"""Reads many files as the product does, each in a process of its own, forked where the libraries are loaded already.

`python -m tests.retrieval.many TASK EXTENSION FOLDER` leaves an answer beside each file, an empty one if the file
ended its reader.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from retrieval.extract import Limits
from retrieval.extract.child import DRAWINGS, READERS
from retrieval.extract.child import main as read


def main(task: str, extension: str, folder: Path) -> None:
    readers = {"text": READERS, "drawing": DRAWINGS}[task]
    import_module(readers[extension].partition(":")[0])
    for path in sorted(folder.iterdir()):
        if os.fork() == 0:
            os.dup2(os.open(path.with_suffix(".json"), os.O_WRONLY | os.O_CREAT), sys.stdout.fileno())
            limits = asdict(Limits(cpu_seconds=20))
            read({"task": task, "path": str(path), "extension": extension, "parent": os.getppid(), "limits": limits})
            sys.stdout.flush()
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
