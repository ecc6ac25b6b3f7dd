"""What the environment says, before Django's settings exist.

`manage.py`, the embedded parts and `settings.py` must agree on the data folder, on the addresses of PostgreSQL and
Redis and on the secrets. All three read them here. Nothing in this file imports Django or the project.

Real environment variables win over the file `.env` in the project folder (`ENV_FILE` names another file; an empty
`ENV_FILE` reads none). Every variable `NAME` may be given as `NAME_FILE` instead, the path of a file that holds the value.
"""

import base64
import fcntl
import functools
import hashlib
import ipaddress
import json
import os
import secrets as random_source
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

PROJECT_DIR = Path(__file__).resolve().parent.parent

DATABASE_NAME = "chatplatform"
DATABASE_USER = "chatplatform"
DATABASE_PORT = "5432"  # only the name of the socket file: the embedded server listens on no TCP port

# A Unix socket's address holds 107 bytes; "/.s.PGSQL.5432.lock" takes 19 of them.
LONGEST_SOCKET_FOLDER = 88

SECRET_NAMES = ("SECRET_KEY", "JWT_SIGNING_KEY", "ENCRYPTION_KEYS")


class EnvironmentProblem(Exception):
    """Something outside the program must be changed first. The message is one line that says what; the exit code is 2."""


def _read_env_file() -> None:
    named = os.environ.get("ENV_FILE")
    path = PROJECT_DIR / ".env" if named is None else Path(named) if named else None
    if path is not None and path.is_file():
        import environ

        environ.Env.read_env(path)


_read_env_file()


def read(name: str) -> str:
    """The value of the variable `name`, or what the file named by `name_FILE` holds, without the newline at its end.

    Empty when neither is set; a set variable wins over its file. Raises EnvironmentProblem when the file cannot be read: a
    secret that is missing must not be replaced by a default.
    """
    if value := os.environ.get(name):
        return value
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text().rstrip("\r\n")
    except OSError as error:
        raise EnvironmentProblem(f"{name}_FILE: {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise EnvironmentProblem(f"{name}_FILE: {path} is not text in UTF-8.") from error


# The data folder


def data_dir() -> Path:
    """The absolute data folder: `DATA_DIR`, by default `var` in the project folder. It need not exist yet."""
    return absolute_data_dir(read("DATA_DIR") or "var")


def absolute_data_dir(value: str | Path) -> Path:
    """`value` made absolute against the project folder, so that every command means the same folder."""
    return Path(os.path.abspath(PROJECT_DIR / Path(value).expanduser()))


def make_data_dir(path: Path) -> Path:
    """Make the data folder if it is missing and see that it can be written. Raises EnvironmentProblem."""
    try:
        if not path.is_dir():
            # As root the database runs as another user who must pass through; what is inside has its own modes.
            path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
        for name in ("run", "logs"):
            (path / name).mkdir(mode=0o700, exist_ok=True)
        probe = path / "run" / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise EnvironmentProblem(f"The data folder {path} cannot be written: {error.strerror or error}.") from error
    return path


def services_dir(folder: Path | None = None) -> Path:
    """Where the embedded PostgreSQL and Valkey keep their files.

    It is `services` in the data folder, or what that points to: as root, below a folder that only root may enter, it
    is a link to a place that the unprivileged user of the database can reach.
    """
    return Path(os.path.realpath((folder or data_dir()) / "services"))


def socket_dir(folder: Path | None = None) -> Path:
    """The folder (mode 0700) of the embedded services' Unix sockets, short enough for a socket's address.

    A comma separates hosts for libpq, so a folder with one in its name cannot be used either.
    """
    folder = folder or data_dir()
    inside = services_dir(folder) / "sockets"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and "," not in str(inside):
        return inside
    return Path("/tmp") / f"chatplatform-{os.geteuid()}-{data_dir_hash(folder)}"  # noqa: S108 - mode and owner are checked


def data_dir_hash(folder: Path) -> str:
    """Twelve hex digits that stand for this data folder where its path is too long."""
    return hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:12]


# PostgreSQL


def is_embedded() -> bool:
    """Whether this is the platform as it comes, with a database of its own, and not a configured installation."""
    return database_is_embedded()


def database_is_embedded() -> bool:
    """Whether no `DATABASE_URL` is configured, so that the platform runs its own PostgreSQL."""
    return not read("DATABASE_URL")


def database_url() -> str:
    """`DATABASE_URL`, or the embedded database's as libpq understands it."""
    configured = read("DATABASE_URL")
    if configured:
        return configured
    query = urlencode({"host": str(socket_dir()), "port": DATABASE_PORT}, quote_via=quote)
    return f"postgresql://{DATABASE_USER}@/{DATABASE_NAME}?{query}"


def database_settings() -> dict[str, object]:
    """Django's `DATABASES["default"]`: ENGINE, NAME, USER, PASSWORD, HOST, PORT and, from the URL's query, OPTIONS."""
    if not database_is_embedded():
        import environ

        return dict(environ.Env.db_url_config(database_url(), engine="django.db.backends.postgresql"))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE_NAME,
        "USER": DATABASE_USER,
        "PASSWORD": "",
        "HOST": str(socket_dir()),
        "PORT": DATABASE_PORT,
    }


# Where the web processes listen


def web_host() -> str:
    """`WEB_HOST` or `SERVER_HOST`, by default loopback. `up` tells its children by `WEB_HOST` what it listens on."""
    return read("WEB_HOST") or read("SERVER_HOST") or "127.0.0.1"


def web_port() -> int:
    """`WEB_PORT` or `SERVER_PORT`, by default 8000. Raises EnvironmentProblem for what is no port."""
    name = "WEB_PORT" if read("WEB_PORT") else "SERVER_PORT"
    port = read(name) or "8000"
    if not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise EnvironmentProblem(f"{name}: {port[:20]!r} is not a port.")
    return int(port)


def is_on_loopback(host: str) -> bool:
    """Whether who listens at `host` can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


# Redis or Valkey


def redis_is_embedded() -> bool:
    """Whether no `REDIS_URL` is configured, so that the platform runs its own Valkey."""
    return not read("REDIS_URL")


def redis_url(database: int | None = None) -> str:
    """`REDIS_URL`, or the embedded Valkey's `unix:///…/valkey.sock?db=0`. `database` asks for another number than its own."""
    configured = read("REDIS_URL") or f"unix://{quote(str(socket_dir() / 'valkey.sock'))}?db=0"
    if database is None:
        return configured
    parts = urlsplit(configured)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if parts.scheme == "unix":  # not geturl(), which shortens unix:///path to unix:/path
        return f"unix://{parts.netloc}{parts.path}?{urlencode(query | {'db': str(database)})}"
    query.pop("db", None)
    return parts._replace(path=f"/{database}", query=urlencode(query)).geturl()


def celery_broker_url(url: str) -> str:
    """The same address as Celery spells it: `redis+socket:///path?virtual_host=n` for a Unix socket, else unchanged."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    query["virtual_host"] = query.pop("db", "0")
    if parts.username or parts.password:
        raise EnvironmentProblem("REDIS_URL: Celery cannot use a Unix socket with a user or password; use redis://.")
    return f"redis+socket://{parts.path}?{urlencode(query)}"


# Uploaded files


def documents_storage() -> dict[str, object]:
    """Django's `STORAGES["documents"]`: files in `DOCUMENTS_DIR` (by default `documents` in the data folder), or the bucket
    `DOCUMENTS_S3_BUCKET` of S3 or of what speaks like it.

    Without a key of its own a bucket is reached as boto3 finds out by itself (instance profile, AWS_* variables).
    """
    bucket = read("DOCUMENTS_S3_BUCKET")
    if not bucket:
        folder = PROJECT_DIR / (read("DOCUMENTS_DIR") or data_dir() / "documents")
        return {"BACKEND": "retrieval.storage.PrivateFolder", "OPTIONS": {"location": str(folder)}}
    options: dict[str, object] = {
        "bucket_name": bucket,
        "location": read("DOCUMENTS_S3_PREFIX"),
        "default_acl": None,
        "querystring_auth": True,
        "file_overwrite": False,
    }
    for option, name in (
        ("endpoint_url", "DOCUMENTS_S3_ENDPOINT"),
        ("region_name", "DOCUMENTS_S3_REGION"),
        ("access_key", "DOCUMENTS_S3_KEY_ID"),
        ("secret_key", "DOCUMENTS_S3_SECRET"),
    ):
        if value := read(name):
            options[option] = value
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


# The local model


def local_model_wanted() -> bool:
    """`LOCAL_MODEL` is `on`, `off` or `auto`: then it runs unless a provider is configured by `OPENAI_*`."""
    choice = (read("LOCAL_MODEL") or "auto").lower()
    if choice in {"on", "off"}:
        return choice == "on"
    if read("LOCAL_MODEL_PATH"):
        return True
    return not (read("OPENAI_API_KEY") or read("OPENAI_BASE_URL"))


def local_model_file(folder: Path | None = None) -> Path:
    """Where a running `up` writes how its local model is reached (mode 0600: it holds that start's key)."""
    return (folder or data_dir()) / "run" / "local_model.json"


def local_model() -> dict[str, str] | None:
    """`{"url": "http://127.0.0.1:…/v1", "name": …, "api_key": …}` of the local model that `up` runs, or None.

    Children of `up` find it in their environment, other commands in the file that `up` leaves in the data folder.
    """
    if url := read("LOCAL_MODEL_URL"):
        return {
            "url": url,
            "name": read("LOCAL_MODEL_NAME"),
            "api_key": read("LOCAL_MODEL_API_KEY"),
        }
    if read("LOCAL_MODEL").lower() == "off":
        return None
    try:
        found = json.loads(local_model_file().read_text())
        return {key: str(found[key]) for key in ("url", "name", "api_key")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


# Secrets


def secret(name: str) -> str:
    """`SECRET_KEY`, `JWT_SIGNING_KEY` or `ENCRYPTION_KEYS` (`id:base64 of 32 bytes`, comma separated, the first encrypts).

    From the environment or a file that it names, else made once and kept in `secrets.json` of the data folder, mode 0600.
    Raises EnvironmentProblem when that file is damaged or the folder cannot be written.
    """
    if name not in SECRET_NAMES:
        raise KeyError(name)
    return read(name) or _kept_secrets(data_dir())[name]


@functools.cache
def _kept_secrets(folder: Path) -> dict[str, str]:
    path = folder / "secrets.json"
    kept = _read_secrets(path)
    if all(name in kept for name in SECRET_NAMES):
        return kept
    make_data_dir(folder)
    try:
        # Several processes may come here at once on a first start; the lock makes one of them the author.
        with open(folder / "run" / "secrets.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _new_secrets() | _read_secrets(path)
            write_private(path, json.dumps(kept, indent=2) + "\n")
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be written: {error.strerror or error}.") from error
    return kept


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise EnvironmentProblem(f"{path} is damaged (not JSON). Restore it from a backup.") from error
    if not isinstance(kept, dict) or not all(isinstance(value, str) and value for value in kept.values()):
        raise EnvironmentProblem(f"{path} is damaged (not an object of strings). Restore it from a backup.")
    return kept


def _new_secrets() -> dict[str, str]:
    key_id = f"k{random_source.token_hex(3)}"
    return {
        "SECRET_KEY": random_source.token_urlsafe(48),
        "JWT_SIGNING_KEY": random_source.token_urlsafe(48),
        "ENCRYPTION_KEYS": f"{key_id}:{base64.b64encode(random_source.token_bytes(32)).decode()}",
    }


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` at once or not at all, readable by its owner only."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{random_source.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
