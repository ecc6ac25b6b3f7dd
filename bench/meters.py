"""Processor time and memory by part of the platform."""

from __future__ import annotations

from bench.machine import cpu_seconds, own_cpu_seconds, resident_megabytes
from bench.stage import Server, Vendor
from tests.running import RunningPlatform

SERVICES = ("postgres", "valkey", "worker", "beat")
NAMES = {
    "web": "web",
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "log": "log",
    "worker": "worker, beat",
    "vendor": "vendor",
}  # fmt: skip
"""As tables say it. `log` is the supervisor, which writes what the web processes say into their files."""


class Meters:
    """`server` answers; None when the vendor is asked directly."""

    def __init__(self, *, platform: RunningPlatform, server: Server | None, vendor: Vendor) -> None:
        children = platform.children if server else {}
        self.web = server.pids if server else ()
        self._groups = {"web": self.web, "vendor": (vendor.pid,)}
        self._groups |= {name: (children[name],) for name in SERVICES if name in children}
        self._supervisor = platform.pid if server else None

    def cpu(self) -> dict[str, float]:
        """Seconds of processor so far."""
        read = {name: cpu_seconds(pids) for name, pids in self._groups.items()}
        if self._supervisor:
            read["log"] = own_cpu_seconds(self._supervisor)
            read["worker"] += read.pop("beat")
        return read

    def memory(self) -> float:
        """Resident megabytes of a web process, on the mean."""
        sizes = [resident_megabytes(pid) for pid in self.web]
        return sum(sizes) / len(sizes) if sizes else 0.0


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in after}
