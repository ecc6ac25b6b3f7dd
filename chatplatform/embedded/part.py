"""How `up` starts its Python children: `python -m chatplatform.embedded.part MODULE ARGUMENTS` is `python -m MODULE ARGUMENTS`
that ends with `up`, however that ends."""

import os
import runpy
import sys

from chatplatform.embedded.processes import NICENESS, PARENT_MARK, end_with


def main() -> None:
    """Ask the kernel for a SIGTERM at our parent's end, stand behind others if told so, then become the module."""
    parent = os.environ.get(PARENT_MARK)
    if parent:
        end_with(int(parent))
    os.nice(int(os.environ.get(NICENESS, 0)))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
