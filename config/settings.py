"""Django settings. Every switch comes from config/environment.py and is listed in docs/settings.md."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from config import environment

BASE_DIR: Path = environment.BASE_DIR
HUB_HOME: Path = environment.hub_home()

DEBUG = os.environ.get("DEBUG") == "1"
HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT") or environment.run_file().get("port") or 8000)
EVENTS_PORT = int(os.environ.get("EVENTS_PORT") or environment.run_file().get("events_port") or PORT + 1)
PUBLIC_URL = os.environ.get("PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/")
SECRET_KEY = environment.signing_key(debug=DEBUG, public_url=PUBLIC_URL)
# Keys of before: they open what was signed or sealed under them, and make nothing new.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
IS_HTTPS = PUBLIC_URL.startswith("https://")
# All files of one upload together; the import pages hold each to a limit of its own.
UPLOAD_MAX_BYTES = 512 * 1024 * 1024
OUTGOING_ALLOW = [item for item in os.environ.get("OUTGOING_ALLOW", "").split(",") if item]
# How many proxies of ours stand in front: 0 believes nobody's X-Forwarded-For.
TRUSTED_PROXIES = int(os.environ.get("TRUSTED_PROXIES", "0"))
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "django_vite",
    "csp",
    "hub.tenancy",
    "hub.people",
    "hub.rest",
    "hub.accounts",
    "hub.revenue",
    "hub.usage",
    "hub.feedback",
    "hub.plans",
    "hub.work",
    "hub.outbox",
    "hub.ingest",
    "hub.outbound",
    "hub.portal",
    "hub.shell",
    "signals",
    "journeys",
    "qbr",
    "advocacy",
    "metrics",
]

MIDDLEWARE = [
    "hub.people.addresses.ClientAddress",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.refusals.Refusals",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    # Innermost: the tenant's transaction wraps the view and the rendering of its template.
    "hub.people.middleware.StaffMiddleware",
    "hub.portal.middleware.PortalMiddleware",
    "hub.rest.middleware.KeyMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

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
                "hub.people.context.surface",
                "hub.portal.context.hub",
            ]
        },
    }
]

# --- Data -------------------------------------------------------------------------------------------------------
_database_url = environment.value("DATABASE_URL", "postgresql://tandem_app@127.0.0.1:5432/tandem")
_admin_url = environment.value("DATABASE_ADMIN_URL", "postgresql://tandem_migrator@127.0.0.1:5432/tandem")
# Past a transaction pooler, for what needs a session of its own: LISTEN and the ingest doors.
DATABASE_DIRECT_URL = environment.value("DATABASE_DIRECT_URL", _database_url)
# Pages and REST requests that a web process works on at a time; each holds a connection while it runs. The event doors
# come beside them, and hold one only to look up a key.
PAGES_AT_ONCE = int(os.environ.get("WEB_PAGES_AT_ONCE") or 4)
_pool = {"pool": {"min_size": 1, "max_size": PAGES_AT_ONCE + 4, "timeout": 10}}
_pool = _pool if os.environ.get("TANDEM_PROCESS") == "web" else {}
# Raw events are kept this long (at least 410 days: the doors take events of the last 400); rollups stay.
IMPORT_DRAFT_DAYS = int(os.environ.get("IMPORT_DRAFT_DAYS") or 14)
EVENTS_KEPT_DAYS = int(os.environ.get("EVENTS_KEPT_DAYS") or 500)
# Between a transaction and the next a pooler may change the session, and what was prepared there is gone.
_prepared = {"prepare_threshold": 5} if _database_url == DATABASE_DIRECT_URL else {}
# A worker asks before each task whether its connection still stands (config/celery.py); a page has one of the pool.
_kept = {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True} if os.environ.get("TANDEM_PROCESS") == "worker" else {}
DATABASES = {
    "default": environment.database(_database_url, OPTIONS=_pool | _prepared, **_kept),
    # The flusher of the event doors holds one of these per web process.
    "direct": environment.database(DATABASE_DIRECT_URL, OPTIONS={"prepare_threshold": 5}),
    # Owner of the schema, past row level security: migrations, restores and the tests' clean-up, never web or workers.
    "migrator": environment.database(_admin_url),
}
DATABASE_APP_ROLE = DATABASES["default"]["USER"]
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.value("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": environment.value("CACHE_URL", REDIS_URL),
        "KEY_PREFIX": os.environ.get("CACHE_PREFIX", "tandem"),
    }
}

# --- People -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "people:home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "hub.people.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "tandem_session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "tandem_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_USE_SESSIONS = False
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, f"http://localhost:{EVENTS_PORT}", f"http://127.0.0.1:{EVENTS_PORT}"]
        if not IS_HTTPS
        else [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [SELF],
        "manifest-src": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Mail -------------------------------------------------------------------------------------------------------
EMAIL_URL = os.environ.get("EMAIL_URL", "")
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(HUB_HOME / "mail")
if EMAIL_URL:
    globals().update(environment.email(EMAIL_URL))
# Name servers that the page of the sending domain asks; empty: those of the machine.
SENDING_NAMESERVERS = [item for item in os.environ.get("SENDING_NAMESERVERS", "").split(",") if item]
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "Tandem <no-reply@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Workers ----------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
CELERY_VISIBILITY_TIMEOUT = 4 * CELERY_TASK_TIME_LIMIT
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    # kombu looks for messages of dead workers only once in ten waits of ten seconds by default.
    "unacked_restore_interval": 5,
    "global_keyprefix": os.environ.get("CELERY_PREFIX", "tandem:"),
    "socket_timeout": 10,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False

# --- API --------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["hub.rest.parsers.StorableJson"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "hub.rest.paging.CursorById",
    "EXCEPTION_HANDLER": "hub.rest.problems.handle",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Tandem",
    "DESCRIPTION": "One record of customers, its signals and its NRR.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "hub.rest.schema.without_final_slash",
    ],
    # Fields of one name with different choices in different resources.
    "ENUM_NAME_OVERRIDES": {
        "ContactStatusEnum": "hub.accounts.models.ContactStatus",
        "MovementKindEnum": "hub.revenue.models.MovementKind",
        "OpportunityKindEnum": "hub.revenue.models.OpportunityKind",
        "ActivityKindEnum": "hub.accounts.models.ActivityKind",
        "EntitlementKindEnum": "hub.revenue.models.EntitlementKind",
        "TicketKindEnum": "hub.feedback.models.TicketKind",
        "PredictionKindEnum": "signals.prediction.models.Kind",
        "TaskStatusEnum": "hub.work.models.TaskStatus",
        "ConsentStatusEnum": "hub.outbox.models.ConsentStatus",
        "MessageStatusEnum": "hub.outbox.models.MessageStatus",
        "ExportStatusEnum": "hub.outbound.models.ExportStatus",
        "EndpointStatusEnum": "hub.outbound.models.EndpointStatus",
        "DeliveryStatusEnum": "hub.outbound.models.DeliveryStatus",
        "SignalStatusEnum": "signals.models.SignalStatus",
        "DismissReasonEnum": "signals.models.DismissReason",
        "VetoReasonEnum": "journeys.decisions.models.VetoReason",
        "JourneyStatusEnum": "journeys.models.JourneyStatus",
        "EnrollmentStatusEnum": "journeys.models.EnrollmentStatus",
        "ExperimentStatusEnum": "journeys.experiments.models.ExperimentStatus",
        "CandidateStatusEnum": "advocacy.models.CandidateStatus",
    },
    "SECURITY": [{"key": []}],
    "APPEND_COMPONENTS": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
}

# --- Pages ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH: list[str] = []
STATIC_URL = "/static/"
# Served from the build's own folder (finders), so there is nothing to collect.
STATIC_ROOT = None
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": HUB_HOME / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Vite names these files by their content.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/"
DJANGO_VITE = {
    "default": {"dev_mode": False, "manifest_path": BASE_DIR / "static" / "dist" / ".vite" / "manifest.json"}
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # A line for each wake-up and heartbeat says nothing; what failed is still said.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
