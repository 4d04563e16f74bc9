"""Every setting of the deployment, read once from the environment. The environment is read nowhere else."""

import os
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _

from sage_platform import __version__, configuration, data_files, env, languages, paths
from sage_platform.logs import logging_config
from sage_platform.oauth2 import scopes
from sage_platform.outbound_settings import allowed_networks

BASE_DIR = Path(__file__).resolve().parent.parent
# A developer's own .env must not change what the tests see.
if os.environ.get("SAGE_ENV", "development") == "development" and "pytest" not in sys.modules:
    environ.Env.read_env(BASE_DIR / ".env")  # What the environment already holds wins.

# -- The deployment -----------------------------------------------------------------------------------------------------
SAGE_VERSION = __version__
SAGE_ENV = env.choice("SAGE_ENV", "development", ["development", "production"])
PRODUCTION = SAGE_ENV == "production"
# From here to the end of this file. While it is not known whether this is production, nothing else may be read, let alone made.
env.collect()
DEBUG = env.boolean("SAGE_DEBUG", default=False)
DEFAULT_EXCEPTION_REPORTER_FILTER = "sage_platform.debug_pages.QuietReporterFilter"
SAGE_DATA_DIR = Path(env.text("SAGE_DATA_DIR", str(BASE_DIR / "data"))).absolute()
SAGE_BIND = env.address("SAGE_BIND", "127.0.0.1")
SAGE_PORT = env.integer("SAGE_PORT", 8000, least=1, most=65535)
SAGE_WORKERS = env.integer("SAGE_WORKERS", 1, least=1, most=64)
# A client that stops in the middle of a body holds a thread. With 64 of them there are still threads for all others.
SAGE_THREADS = env.integer("SAGE_THREADS", 96, least=8, most=512)
# How many of them run Python at the same moment; see `turns`. Measured, docs/benchmarks.md: more only get in each other's way.
SAGE_TURNS = env.integer("SAGE_TURNS", 1, least=0, most=512)
SAGE_PUBLIC_URL = env.origin("SAGE_PUBLIC_URL", "" if PRODUCTION else f"http://127.0.0.1:{SAGE_PORT}")
EXPECTED_URL = "the origin that people use, such as https://sage.example"
SAGE_PUBLIC_URL = env.required("SAGE_PUBLIC_URL", SAGE_PUBLIC_URL, EXPECTED_URL, instead="https://sage.invalid")
SAGE_WEB_BASE_PATH = configuration.base_path("SAGE_WEB_BASE_PATH", "/sage")
# A built web application to serve under the base path. Without one, our own pages are there.
SAGE_WEB_ROOT = configuration.web_root("SAGE_WEB_ROOT")
SAGE_TRUSTED_PROXIES = env.networks("SAGE_TRUSTED_PROXIES")
SAGE_LOG_LEVEL = env.choice("SAGE_LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
SAGE_ACCESS_LOG = env.boolean("SAGE_ACCESS_LOG", default=False)

# -- Secrets --------------------------------------------------------------------------------------------------------------
# In development it is made on first use, as are the keys below. Production must be given its own.
SECRET_KEY = env.secret("SAGE_SECRET_KEY")
if not SECRET_KEY and not PRODUCTION:
    SECRET_KEY = configuration.kept_secret_key(SAGE_DATA_DIR / data_files.SECRET_KEY)
EXPECTED_KEY = "a long random secret, here or in the file named by SAGE_SECRET_KEY_FILE"
SECRET_KEY = env.required("SAGE_SECRET_KEY", SECRET_KEY, EXPECTED_KEY, instead="unusable")
SECRET_KEY_FALLBACKS = env.secret_items("SAGE_SECRET_KEY_FALLBACKS")
SAGE_BOOTSTRAP_ADMIN_USERNAME = env.text("SAGE_BOOTSTRAP_ADMIN_USERNAME", "admin")
SAGE_BOOTSTRAP_ADMIN_PASSWORD = env.secret("SAGE_BOOTSTRAP_ADMIN_PASSWORD")

# -- Identity -------------------------------------------------------------------------------------------------------------
SAGE_AUTH_MODE = env.choice("SAGE_AUTH_MODE", "native", ["native", "trusted_proxy", "oauth"])
SAGE_TRUSTED_IDENTITY_PROXY_IPS = env.networks("SAGE_TRUSTED_IDENTITY_PROXY_IPS")
SAGE_TRUSTED_IDENTITY_PROXY_SECRET = configuration.header_secret(
    "SAGE_TRUSTED_IDENTITY_PROXY_SECRET", env.secret("SAGE_TRUSTED_IDENTITY_PROXY_SECRET")
)
SAGE_ACCESS_TOKEN_LIFETIME = timedelta(hours=env.integer("SAGE_JWT_EXPIRE_HOURS", 24, least=1, most=8760))
SAGE_REFRESH_TOKEN_LIFETIME = timedelta(days=30)
SAGE_HASH_CONCURRENCY = env.integer("SAGE_HASH_CONCURRENCY", 2, least=1, most=64)
SAGE_HASH_WAIT_SECONDS = 2.0
SAGE_OAUTH2_ISSUER = env.url("SAGE_OAUTH2_ISSUER", f"{SAGE_PUBLIC_URL}/{paths.OAUTH2}")
SAGE_MAX_JSON_BYTES = env.integer("SAGE_MAX_JSON_BYTES", 2 * 1024 * 1024, least=1024, most=256 * 1024 * 1024)
SAGE_CORS_ALLOWED_ORIGINS = env.origins("SAGE_CORS_ALLOWED_ORIGINS")

# -- Uploads --------------------------------------------------------------------------------------------------------------
SAGE_UPLOAD_MAX_BYTES = env.integer("SAGE_UPLOAD_MAX_BYTES", 512 * 1024**2, least=1024, most=5 * 1024**4)
# For each person who is no administrator; 0 means no limit.
SAGE_UPLOAD_QUOTA_BYTES = env.integer("SAGE_UPLOAD_QUOTA_BYTES", 10 * 1024**3, least=0, most=2**62)
# So many uploads, and as many large downloads, at once in each worker.
SAGE_UPLOAD_CONCURRENCY = env.integer("SAGE_UPLOAD_CONCURRENCY", 32, least=1, most=256)
SAGE_UPLOAD_URL_STYLE = env.choice("SAGE_UPLOAD_URL_STYLE", "absolute", ["absolute", "path"])
# The location by which nginx hands out the files of the media root, such as /media/; empty: the platform sends them itself.
SAGE_X_ACCEL_REDIRECT = configuration.location("SAGE_X_ACCEL_REDIRECT")

# -- Usage ----------------------------------------------------------------------------------------------------------------
# For so long an event's id counts no second time, and no longer are events kept. The sums by day stay.
SAGE_USAGE_KEEP_DAYS = env.integer("SAGE_USAGE_KEEP_DAYS", 400, least=1, most=3650)

# -- Observability ----------------------------------------------------------------------------------------------------------
# Who knows it may read the metrics; in production without one, whoever asks on this machine.
SAGE_METRICS_TOKEN = configuration.header_secret("SAGE_METRICS_TOKEN", env.secret("SAGE_METRICS_TOKEN"))
# Where an administrator's browser finds Jaeger: a path that the proxy in front guards, or an address of another origin.
SAGE_TRACE_JAEGER_PUBLIC_URL = configuration.jaeger_address("SAGE_TRACE_JAEGER_PUBLIC_URL", SAGE_WEB_BASE_PATH)
# Where traces are sent; None: none are made.
SAGE_TRACE_COLLECTOR = configuration.collector(
    "SAGE_TRACE_JAEGER_ENDPOINT", configuration.trace_headers("SAGE_TRACE_HEADERS", env.secret("SAGE_TRACE_HEADERS"))
)
SAGE_TRACE_SAMPLE = env.share("SAGE_TRACE_SAMPLE", "1")

# -- Model providers ------------------------------------------------------------------------------------------------------
# A probe holds a slot, and a thread, for at most twice this time, so that slow vendors cannot hold threads for long.
SAGE_PROBE_TIMEOUT = env.integer("SAGE_PROBE_TIMEOUT", 20, least=1, most=120)
SAGE_PROBE_CONCURRENCY = env.integer("SAGE_PROBE_CONCURRENCY", 8, least=1, most=32)
SAGE_PROBE_RATE = env.rate("SAGE_PROBE_RATE", "10/min")
# Whoever holds a slot holds a thread. With no more threads than slots, slow vendors could take every thread.
env.more_than(
    "SAGE_THREADS", SAGE_THREADS, SAGE_PROBE_CONCURRENCY=SAGE_PROBE_CONCURRENCY, SAGE_HASH_CONCURRENCY=SAGE_HASH_CONCURRENCY
)
SAGE_DEFAULT_LLM_API_KEY = env.secret("SAGE_DEFAULT_LLM_API_KEY")
SAGE_DEFAULT_LLM_API_BASE_URL = env.url("SAGE_DEFAULT_LLM_API_BASE_URL")
SAGE_DEFAULT_LLM_MODEL_NAME = env.text("SAGE_DEFAULT_LLM_MODEL_NAME")
env.all_or_none(
    SAGE_DEFAULT_LLM_API_KEY=SAGE_DEFAULT_LLM_API_KEY,
    SAGE_DEFAULT_LLM_API_BASE_URL=SAGE_DEFAULT_LLM_API_BASE_URL,
    SAGE_DEFAULT_LLM_MODEL_NAME=SAGE_DEFAULT_LLM_MODEL_NAME,
)

# -- Releases -------------------------------------------------------------------------------------------------------------
# With it each signature of an update is checked before a release is published; without it only the form is.
SAGE_UPDATER_PUBKEY = configuration.updater_key("SAGE_UPDATER_PUBKEY")
# Before the address of each update that clients are told, for a mirror; nothing of it is stored.
SAGE_UPDATER_URL_PREFIX = configuration.url_prefix("SAGE_UPDATER_URL_PREFIX")
# Where releases are imported from, when an administrator asks for it.
SAGE_GITHUB_REPO = configuration.github_repository("SAGE_GITHUB_REPO")
SAGE_GITHUB_API_BASE = env.url("SAGE_GITHUB_API_BASE", "https://api.github.com")
SAGE_GITHUB_TOKEN = configuration.header_secret(
    "SAGE_GITHUB_TOKEN", env.secret("SAGE_GITHUB_TOKEN"), "as GitHub shows a new token once"
)
SAGE_GITHUB_TAG_PREFIX = env.text("SAGE_GITHUB_TAG_PREFIX")

# -- Outbound requests ----------------------------------------------------------------------------------------------------
# In production an address that a person gives must not reach the deployment's own network through us.
SAGE_OUTBOUND_ALLOW_PRIVATE = env.boolean("SAGE_OUTBOUND_ALLOW_PRIVATE", default=not PRODUCTION)
SAGE_OUTBOUND_ALLOWED_NETWORKS = allowed_networks("SAGE_OUTBOUND_ALLOWED_NETWORKS")

# -- Applications -----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "sage_platform.admin.SageAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "sage_platform",
    "sage_platform.pages",
    "sage_platform.accounts",
    "sage_platform.oauth2",
    "providers",
    "system",
    "versions",
    "uploads",
    "observability",
]

# Every request passes all of them, so a new one needs a reason.
MIDDLEWARE = [
    "sage_platform.api.middleware.RequestContextMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "sage_platform.web_app.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "sage_platform.accounts.middleware.SessionUserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

MESSAGE_STORAGE = "sage_platform.messages.LateStorage"

ROOT_URLCONF = "sage_platform.urls"
WSGI_APPLICATION = "sage_platform.wsgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "sage_platform" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ]
        },
    }
]

# -- Data -----------------------------------------------------------------------------------------------------------------
DATABASE_URL = env.secret("DATABASE_URL", f"sqlite:///{SAGE_DATA_DIR / data_files.DATABASE}")
DATABASES = {"default": configuration.database("DATABASE_URL", DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The REST framework imports Django's fields of PostgreSQL where it can, and with them the driver: 8 MiB in each worker, also of a
# deployment with SQLite. No model here has such a field. A module that is None cannot be imported.
sys.modules.setdefault("django.contrib.postgres.fields", None)  # type: ignore[arg-type]
REDIS_URL = env.secret("REDIS_URL")
CACHES: dict[str, Any] = {"default": configuration.cache("REDIS_URL", REDIS_URL)}
SESSION_ENGINE = "sage_platform.accounts.sessions"

SAGE_MEDIA_ROOT = Path(env.text("SAGE_MEDIA_ROOT", str(SAGE_DATA_DIR / data_files.MEDIA))).absolute()
SAGE_S3_ENDPOINT = configuration.s3_endpoint("SAGE_S3_ENDPOINT")
# Both stores can be read at any time, so that files can be moved from one to the other while the platform runs.
OBJECT_STORES = configuration.object_stores(SAGE_S3_ENDPOINT, SAGE_MEDIA_ROOT)
# Where new files go.
SAGE_UPLOAD_STORE = env.choice("SAGE_UPLOAD_STORE", list(OBJECT_STORES)[-1], list(OBJECT_STORES))
SAGE_OBJECT_ORIGIN = configuration.object_origin(OBJECT_STORES)
STORAGES = {
    **OBJECT_STORES,
    "default": OBJECT_STORES[SAGE_UPLOAD_STORE],
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = f"/{paths.STATIC}/"
# The admin's and the API page's files are served straight from the packages, so that no collect step can be forgotten.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

# -- Keys of what is encrypted in the database --------------------------------------------------------------------------------
SAGE_ENCRYPTION_KEYS = env.secret_items("SAGE_ENCRYPTION_KEYS")
if not SAGE_ENCRYPTION_KEYS and not PRODUCTION:
    # What is encrypted cannot be read again without its key, so a made one is kept beside the database that it belongs to.
    SAGE_ENCRYPTION_KEYS = [configuration.kept_encryption_key(SAGE_DATA_DIR / data_files.ENCRYPTION_KEY, DATABASES["default"])]
SAGE_ENCRYPTION_KEYS = configuration.encryption_keys("SAGE_ENCRYPTION_KEYS", SAGE_ENCRYPTION_KEYS)

# -- Sign-in and cookies ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["sage_platform.accounts.backends.SessionOnlyBackend"]
PASSWORD_HASHERS = [
    "sage_platform.accounts.hashers.SlottedArgon2PasswordHasher",
    "sage_platform.accounts.hashers.SlottedPBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SECURE_COOKIES = env.boolean("SAGE_SECURE_COOKIES", default=PRODUCTION)
SESSION_COOKIE_NAME = "sage_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_NAME = "sage_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_TRUSTED_ORIGINS = [SAGE_PUBLIC_URL] if SAGE_PUBLIC_URL else []
CSRF_FAILURE_VIEW = "sage_platform.pages.errors.csrf_failure"
LOGIN_URL = f"{SAGE_WEB_BASE_PATH}/login"

# -- HTTP -----------------------------------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.items("SAGE_ALLOWED_HOSTS", ([] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]"]))
if SAGE_PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(SAGE_PUBLIC_URL).hostname or "")
CORS_ALLOW_ALL_ORIGINS = "*" in SAGE_CORS_ALLOWED_ORIGINS
CORS_ALLOWED_ORIGINS = [value for value in SAGE_CORS_ALLOWED_ORIGINS if value != "*"]
CORS_ALLOW_CREDENTIALS = not CORS_ALLOW_ALL_ORIGINS  # With both, every site could read what a visitor's cookie opens.
# The OAuth2 routes answer for themselves: any origin, and never with credentials.
CORS_URLS_REGEX = rf"^/(?!{paths.OAUTH2}/|{paths.API}/{paths.OAUTH2}/|{re.escape(paths.WELL_KNOWN)}/)"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "range", "x-accept-language", "x-request-id", "x-sage-locale"]
CORS_ALLOW_HEADERS += ["traceparent", "tracestate"]  # Of a page that records traces itself.
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Content-Language", "ETag", "Retry-After", "WWW-Authenticate", "X-Request-ID"]
SECURE_SSL_REDIRECT = False  # The proxy in front redirects to https; health checks come by plain HTTP.
SECURE_HSTS_SECONDS = env.integer("SAGE_HSTS_SECONDS", 31536000 if PRODUCTION else 0, least=0, most=2 * 31536000)
# W008 asks for a redirect to https, which the proxy does. W005 and W021 ask for HSTS on subdomains and for the browsers' preload
# list: that concerns other hosts of the domain, so the operator decides it at the proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Django would open what is stored on the disk to everybody on the machine.
FILE_UPLOAD_PERMISSIONS = 0o640 if SAGE_X_ACCEL_REDIRECT else 0o600  # nginx reads files as one of our group.
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750 if SAGE_X_ACCEL_REDIRECT else 0o700
DATA_UPLOAD_MAX_MEMORY_SIZE = SAGE_MAX_JSON_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# -- Languages --------------------------------------------------------------------------------------------------------------
LANGUAGES = [(language.code, _(language.name)) for language in languages.LANGUAGES]
SAGE_DEFAULT_LOCALE = env.choice("SAGE_DEFAULT_LOCALE", languages.SOURCE, list(languages.CODES_BY_LOCALE))
LANGUAGE_CODE = languages.CODES_BY_LOCALE[SAGE_DEFAULT_LOCALE]
LOCALE_PATHS = [BASE_DIR / "sage_platform" / "locale"]
FORMAT_MODULE_PATH = "sage_platform.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# -- Mail -----------------------------------------------------------------------------------------------------------------
EMAIL_URL = env.secret("EMAIL_URL", "" if PRODUCTION else "consolemail://")
globals().update(configuration.mail("EMAIL_URL", EMAIL_URL))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Sage <noreply@localhost>")

# -- REST and OpenAPI -------------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["sage_platform.accounts.authentication.SageAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["sage_platform.api.permissions.Nobody"],
    # For the OpenAPI document alone: `api.viewsets` puts each answer into the envelope itself.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["sage_platform.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "sage_platform.api.schema.EnvelopeSchema",
    "EXCEPTION_HANDLER": "sage_platform.api.handlers.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}

API_DESCRIPTION = """
Every answer under `/api` comes in an envelope: `{code, message, data, timestamp, request_id}`. `code` 200 is success.
A business refusal is HTTP 200 with another `code` and a `message` for the person. Routes marked *raw* have no envelope.

Sign in by `POST /api/auth/login`; send the `access_token` as `Authorization: Bearer …`, or let the session cookie speak.
`X-Sage-Locale`, `X-Accept-Language` or `Accept-Language` chooses the language of messages: LANGUAGES.
""".replace("LANGUAGES", ", ".join(language.name for language in languages.LANGUAGES))
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Sage platform",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": SAGE_VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["sage_platform.api.permissions.Anyone"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # With links to single operations each would stand inside a button, where a screen reader finds none.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "REDOC_DIST": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sage_platform.api.schema.add_json_value",
        "sage_platform.api.schema.add_raw_routes",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": f"/{paths.API}",
}

# -- OAuth2 (django-oauth-toolkit) --------------------------------------------------------------------------------
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2.Application"
OAUTH2_PROVIDER_GRANT_MODEL = "oauth2.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "oauth2.AccessToken"  # noqa: S105  A model, not a password.
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "oauth2.RefreshToken"  # noqa: S105  A model, not a password.
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "oauth2.IDToken"  # noqa: S105  A model, not a password.
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "oauth2.DeviceGrant"
RFC9700_RULES = [
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "PKCE_METHOD",
    "ACCESS_TOKEN_TRANSPORT",
    "AUTHZ_RESPONSE_ISS",
    "TOKEN_STORAGE",
    "REFRESH_TOKEN",
    "REDIRECT_URI_SCHEME",
    "REDIRECT_URI_MATCHING",
    "PKCE_REQUIRED",
]
OAUTH2_PROVIDER: dict[str, Any] = {
    "SCOPES": {row.name: row.text for row in scopes.ROWS},
    "DEFAULT_SCOPES": [],
    # The toolkit's own views, middleware and decorators, of which we use none, would ask this class about a token. It refuses
    # (NotImplementedError), while the toolkit's default would let tokens in that our rules have ended.
    "OAUTH2_VALIDATOR_CLASS": "sage_platform.oauth2.validator.Validator",
    "OIDC_ISS_ENDPOINT": SAGE_OAUTH2_ISSUER,
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "ID_TOKEN_EXPIRE_SECONDS": 600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 3600,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
    "PKCE_REQUIRED": True,
    # Not asked: `oauth2/redirects.py` has the rules for redirect addresses, loopback ones of native clients too.
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "ALLOW_URI_WILDCARDS": False,
    # RFC 9700: the toolkit's older behaviour is off, and `check --deploy` fails on a setting that would bring it back.
    **{f"COMPLIANT_BCP_RFC9700_{rule}": True for rule in RFC9700_RULES},
}

SAGE_OAUTH2_CLIENTS = configuration.oauth2_clients("SAGE_OAUTH2_CLIENTS", scopes.names())

# -- Logs ------------------------------------------------------------------------------------------------------------
LOGGING = logging_config(SAGE_LOG_LEVEL, access_log=SAGE_ACCESS_LOG)

# By now every setting has been asked for.
env.stop_if_wrong()
# A system check warns of what is left.
SAGE_UNKNOWN_NAMES = env.unknown("SAGE_")
