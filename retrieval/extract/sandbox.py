"""What the process that reads a file takes from itself before it looks at the file. Linux only; what a kernel lacks is left out.

Resource limits hold everywhere. The calls below are refused by a seccomp filter, which needs no privilege and cannot be taken
back: it can read files, and write to what it was given open.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct

from retrieval.extract import Limits

OPEN_FILES = 64
BYTES_A_CHARACTER = 6
"""Of the answer's JSON, at most: `\\uffff`."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ARCHITECTURE, _NUMBER, _FIRST_ARGUMENT = 4, 0, 16
"""Offsets in `struct seccomp_data`. An argument takes 8 bytes, the low half first."""
_X32 = 0x40000000
"""Numbers from here are the second table of calls on x86_64."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
"""Each of these among the flags of `open` changes a file."""

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
_OPENING = {_X86_64: {2: 1, 257: 2}, _AARCH64: {56: 2}}
"""The calls `open` and `openat`, and which of their arguments (from 0) the flags are."""
_REFUSED = {
    # (x86_64, aarch64), 0 where there is none
    "socket": (41, 198),
    "connect": (42, 203),
    "socketpair": (53, 199),
    "io_uring_setup": (425, 425),
    # Programs, and what would outlive the end of its process group
    "execve": (59, 221),
    "execveat": (322, 281),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    # Other processes
    "kill": (62, 129),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "setrlimit": (160, 164),
    "prlimit64": (302, 261),
    # The machine
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    # Files
    "creat": (85, 0),
    "openat2": (437, 437),
    "open_by_handle_at": (304, 265),
    "truncate": (76, 45),
    "rename": (82, 0),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, 0),
    "mkdirat": (258, 34),
    "rmdir": (84, 0),
    "unlink": (87, 0),
    "unlinkat": (263, 35),
    "link": (86, 0),
    "linkat": (265, 37),
    "symlink": (88, 0),
    "symlinkat": (266, 36),
    "mknod": (133, 0),
    "mknodat": (259, 33),
    "chmod": (90, 0),
    "fchmodat": (268, 53),
    "chown": (92, 0),
    "fchownat": (260, 54),
}


def confine(*, limits: Limits, parent: int) -> None:
    """Bounds for the rest of this process's life. `parent` is who asked: when it dies, so does this."""
    libc = ctypes.CDLL(None)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we could say so
        os._exit(1)
    bounds = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.characters * BYTES_A_CHARACTER + 1_000_000,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for bound, most in bounds.items():
        _soft, hard = resource.getrlimit(bound)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(bound, (most, most))
    # The soft bound ends it with SIGXCPU, which says why; the hard one with SIGKILL, which could be anything.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    _refuse_calls(libc)


def _refuse_calls(libc: ctypes.CDLL) -> None:
    architecture = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine())
    if architecture is None:
        return
    program = _program(architecture)
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header), 0, 0)


def _program(architecture: int) -> list[bytes]:
    """The filter: each step is a `struct sock_filter`. A refused call jumps to the last one, so the steps are made backwards."""
    steps = [_step(_RETURN, _ALLOW), _step(_RETURN, _REFUSE)]

    def before(code: int, value: int, *, refuse_if: bool | None = None) -> None:
        to_the_last = len(steps) - 1
        steps.insert(0, _step(code, value, to_the_last * (refuse_if is True), to_the_last * (refuse_if is False)))

    for number, flags in _OPENING[architecture].items():
        before(_ANY_BIT, _WRITING, refuse_if=True)
        before(_LOAD, _FIRST_ARGUMENT + 8 * flags)
        steps.insert(0, _step(_EQUAL, number, 0, 2))  # another call: over these two
        before(_LOAD, _NUMBER)
    column = 0 if architecture == _X86_64 else 1
    for numbers in _REFUSED.values():
        if numbers[column]:
            before(_EQUAL, numbers[column], refuse_if=True)
    before(_AT_LEAST, _X32, refuse_if=True)
    before(_LOAD, _NUMBER)
    before(_EQUAL, architecture, refuse_if=False)
    before(_LOAD, _ARCHITECTURE)
    return steps


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    """The jumps are relative to the next step."""
    return struct.pack("HBBI", code, when_true, when_false, value)
