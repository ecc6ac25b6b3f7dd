"""Settings, read top to bottom. Every value comes from the environment (or `.env`) and has a safe default.

`docs/configuration.md` lists them, `checks.py` refuses wrong ones at the start.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

from chatplatform import environment, logs
from chatplatform import variables as env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR: Path = environment.data_dir()

# --- Who we are --------------------------------------------------------------------------------------------------------
VERSION = "1.0.0"
ENVIRONMENT = env.text("ENVIRONMENT", "embedded" if environment.is_embedded() else "production")
DEBUG = env.switch("DEBUG", False)
SECRET_KEY = environment.secret("SECRET_KEY")
ENCRYPTION_KEYS = environment.secret("ENCRYPTION_KEYS")
PUBLIC_BASE_URL = env.text("PUBLIC_BASE_URL", f"http://{environment.web_host()}:{environment.web_port()}")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ["*"] if environment.is_embedded() else [])
ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]  # `up` and health checks ask by these, whatever the outside is called
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", [])
TRUSTED_PROXIES = env.items("TRUSTED_PROXIES", [])
"""Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
CORS_ALLOWED_ORIGINS = env.items("CORS_ALLOWED_ORIGINS", [])
METRICS_ALLOWED_ADDRESSES = env.items("METRICS_ALLOWED_ADDRESSES", ["127.0.0.0/8", "::1"] if environment.is_embedded() else [])
"""Addresses or networks that may read the metrics without being an administrator."""

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt",
    "channels",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "chatplatform",
    "chatplatform.core",
    "accounts",
    "providers",
    "quotas",
    "retrieval",
    "conversations",
    "adminpanel",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "chatplatform.urls"
ASGI_APPLICATION = "chatplatform.asgi.application"
WSGI_APPLICATION = "chatplatform.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- What is stored where ----------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **environment.database_settings(),
        # Every thread that talks to the database is one of a few long-lived ones, so a connection a thread is the pool and its
        # bound: `WEB_THREADS` + `WEB_SLOW_THREADS` + `TURN_DB_THREADS` a web process.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = env.integer("DATABASE_PREPARE_THRESHOLD", 5) or None
"""Runs after which a statement of `core.prepared` is prepared on its connection; 0 is never, for poolers that cannot."""
DATABASE_LOCK_TIMEOUT = env.number("DATABASE_LOCK_TIMEOUT", 3)
DATABASE_STATEMENT_TIMEOUT = env.number("DATABASE_STATEMENT_TIMEOUT", 30)
"""Seconds a statement of a web process may wait for a lock, and take in all; 0 is for ever. See `core.timeouts`."""

REDIS_URL = environment.redis_url()
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        # A connection that died with a restarted server is tried once more, on a new one.
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 1)},
    }
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}}

CELERY_BROKER_URL = environment.celery_broker_url(REDIS_URL)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
"""The request's id goes with a task into the worker's log."""
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
# Reading and embedding documents has a queue and workers of its own: it must not hold up mails and healing.
CELERY_TASK_ROUTES = {"retrieval.tasks.ingest_document": {"queue": "documents"}}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # How long whoever sends a task waits for a broker that is away: 0.1 s instead of 6 s. (Workers wait on by themselves.)
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Mails for the screen are printed by the worker: as a log line they would lose their link, which the log hides as a secret.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE = {
    "heal-turns": {"task": "conversations.tasks.heal_turns", "schedule": 10.0},
    "delete-outworn": {"task": "conversations.tasks.delete_outworn_conversations", "schedule": 3600.0},
    "purge-sessions": {"task": "accounts.tasks.purge_expired", "schedule": 3600.0},
    "sweep-documents": {"task": "retrieval.tasks.sweep_documents", "schedule": 15.0},
    "tidy-storage": {"task": "retrieval.tasks.tidy_storage", "schedule": 6 * 3600.0},
}

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Uploaded files; served by a view that asks who may read them, never from a public folder.
    "documents": environment.documents_storage(),
}

# --- Who may come in ---------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
# The admin site is the only one with Django's own log-in.
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "accounts.passwords.NotTheNameOrAddress"},
]
if env.switch("PASSWORD_REFUSE_COMMON", False):
    AUTH_PASSWORD_VALIDATORS.append({"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"})
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ACCESS_TOKEN_LIFETIME = timedelta(minutes=30)
REFRESH_TOKEN_LIFETIME = timedelta(days=7)
SESSION_LIFETIME = timedelta(days=env.integer("SESSION_LIFETIME_DAYS", 30))
"""However often a session is refreshed, it ends after this."""
PASSWORD_RESET_LIFETIME = timedelta(hours=1)
PASSWORD_RESET_TIMEOUT = int(PASSWORD_RESET_LIFETIME.total_seconds())
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": environment.secret("JWT_SIGNING_KEY"),
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_LIFETIME,
    "UPDATE_LAST_LOGIN": False,
}
GUEST_ACCESS = env.choice("GUEST_ACCESS", "auto", "on", "off")
"""Whether who has no account may talk through a contract that knows no accounts: `on`, `off`, or `local`, only to clients on this
machine. `auto` is `local` for the platform as it comes, where nobody else can reach it, and `off` everywhere else."""
if GUEST_ACCESS == "auto":
    GUEST_ACCESS = "local" if environment.is_embedded() and environment.is_on_loopback(environment.web_host()) else "off"
LOCKOUT_FAILURES = 5
LOCKOUT_WINDOW = timedelta(minutes=15)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_BASE_URL.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    "accounts.mail.ScreenBackend" if not env.text("EMAIL_HOST", "") else "django.core.mail.backends.smtp.EmailBackend",
)
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.switch("EMAIL_USE_TLS", False)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "chatplatform@localhost")

# --- How much ----------------------------------------------------------------------------------------------------------
RATE_LIMITS = env.switch("RATE_LIMITS", True)
"""Off: no limit on requests per time. Quotas, lock-out, socket and body limits stay."""
RATE_AUTH = env.rate("RATE_AUTH", "5/m")
RATE_SENDS = env.rate("RATE_SENDS", "20/m")
RATE_SESSION_MESSAGES = env.rate("RATE_SESSION_MESSAGES", "60/m")
RATE_NEW_SESSIONS = env.rate("RATE_NEW_SESSIONS", "10/h")
RATE_SEARCHES = env.rate("RATE_SEARCHES", "100/m")
RATE_OTHERS = env.rate("RATE_OTHERS", "100/m")
MAX_JSON_BODY = 1_000_000
MAX_BODY = 11_000_000
MAX_JSON_DEPTH = 64
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
MAX_SOCKETS_PER_USER = env.integer("MAX_SOCKETS_PER_USER", 5)

# --- Turns -------------------------------------------------------------------------------------------------------------
WEB_THREADS = env.integer("WEB_THREADS", 3)
"""Threads a web process runs ordinary REST in."""
WEB_SLOW_THREADS = env.integer("WEB_SLOW_THREADS", 2)
"""Threads a web process runs slow REST in (password hashing)."""
TURN_DB_THREADS = env.integer("TURN_DB_THREADS", 4)
"""Threads a web process opens, saves and closes turns in."""
TURN_FLUSH_SECONDS = 0.5
TURN_LEASE_SECONDS = 20
TURN_LOG_TTL_SECONDS = 600
DRAIN_SECONDS = env.integer("DRAIN_SECONDS", 20)
PROVIDER_CONNECT_TIMEOUT = env.number("PROVIDER_CONNECT_TIMEOUT", 10)
PROVIDER_FIRST_TOKEN_TIMEOUT = env.number("PROVIDER_FIRST_TOKEN_TIMEOUT", 60)
PROVIDER_SILENCE_TIMEOUT = env.number("PROVIDER_SILENCE_TIMEOUT", 60)
PROVIDER_TOTAL_TIMEOUT = env.number("PROVIDER_TOTAL_TIMEOUT", 900)

LLMCHAT_SESSION_DAYS = env.integer("LLMCHAT_SESSION_DAYS", 30)
COZE_SESSION_DAYS = env.integer("COZE_SESSION_DAYS", 30)
"""How long conversations of LLMChat, and sessions of Coze with what guests said in them, are kept after they were used last.
0: for ever."""

PERSONAL_PROVIDERS_MAX = env.integer("PERSONAL_PROVIDERS_MAX", 20)
"""How many providers a person may have of her own."""
PROVIDERS_FILE = BASE_DIR / (env.text("PROVIDERS_FILE") or "providers.toml")
"""The organization's providers and agents, where they are declared in a file: `manage.py reload_providers`."""

# --- Documents ---------------------------------------------------------------------------------------------------------
MAX_FILE = 10 * 1024 * 1024
"""Bytes. With the frame of a form around it within `MAX_BODY`."""
# Bodies are in memory when Django reads them, so no upload is written to a temporary file.
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DOCUMENTS_PER_USER = env.integer("DOCUMENTS_PER_USER", 1_000)
DOCUMENTS_MB_PER_USER = env.integer("DOCUMENTS_MB_PER_USER", 1_000)
"""How many documents a person may have, and how much room they may take, in megabytes."""
EXTRACT_SECONDS = env.number("EXTRACT_SECONDS", 60)
EXTRACT_CPU_SECONDS = env.integer("EXTRACT_CPU_SECONDS", 45)
EXTRACT_MEMORY_MB = env.integer("EXTRACT_MEMORY_MB", 1_500)
EXTRACT_MAX_CHARACTERS = env.integer("EXTRACT_MAX_CHARACTERS", 11_000_000)
"""What the process that reads a file may take: wall clock, CPU, address space, and the text that it may hand back."""
DRAWING_CPU_SECONDS = env.integer("DRAWING_CPU_SECONDS", 10)
"""What reading a drawing for somebody who waits for it may take of a processor; by the clock three times as much."""
INGEST_LEASE_SECONDS = env.number("INGEST_LEASE_SECONDS", 60)
"""How long nobody takes up a document whose worker is silent. While a file is read it is at least `EXTRACT_SECONDS` + 15: whoever
reads it has no chance to say that it lives."""
INGEST_BATCH = 32
"""Chunks that are embedded and stored together: the most that is done anew after a crash."""
INGEST_ATTEMPTS = 5
"""How often a document is taken up without any progress before it counts as failed."""
EMBEDDING_THREADS = env.integer("EMBEDDING_THREADS", 1)
"""Threads that one process multiplies matrices in; `up` gives the worker of documents as many as there are cores."""
SEARCH_THREADS = env.integer("SEARCH_THREADS", 2)
"""Threads a web process searches documents in."""
MASK_FOR_PROVIDERS = env.switch("MASK_FOR_PROVIDERS", False)
"""Whether identity numbers, phone numbers, bank cards, addresses and keys are masked in what goes to a provider, too."""

# --- Languages and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
"""The instance's zone: days and months of quotas begin at its midnight. Timestamps on the wire are UTC."""

# --- REST --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "chatplatform.contracts.openapi.route_schema.RouteSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "chatplatform",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "DEFAULT_GENERATOR_CLASS": "chatplatform.contracts.openapi.documents.PlatformGenerator",
    "PREPROCESSING_HOOKS": ["chatplatform.contracts.routing.written_paths"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATION_PARAMETERS": False,
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
            "socketToken": {"type": "apiKey", "in": "query", "name": "token", "description": "For sockets only: as bearer."},
        }
    },
}

# --- Logs --------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING = logs.configure(level=LOG_LEVEL)
