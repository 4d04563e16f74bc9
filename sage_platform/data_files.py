"""The names of what the platform keeps in its data folder, each said here alone. The settings need them before there are apps."""

SECRET_KEY = "secret_key"  # noqa: S105  The name of a file.
ENCRYPTION_KEY = "encryption_key"
ADMIN_PASSWORD = "admin_password"  # noqa: S105  The name of a file.
BOOTSTRAP_LOCK = "bootstrap.lock"
SERVER_LOCK = "server.lock"
MOVE_LOCK = "move.lock"
# The folder in which the workers count.
METRICS = "metrics"
SETTINGS_STAMP = "system-settings-stamp"
DATABASE = "sage.sqlite3"
MEDIA = "media"
# Uploads that are still coming: below the folder that their bytes are going to, or here where that is no disk.
INCOMING = ".incoming"

# What nobody but the owner may read. A draft of each, with something random behind the name, may be left by a kill.
CLOSED = (SECRET_KEY, ENCRYPTION_KEY, ADMIN_PASSWORD, BOOTSTRAP_LOCK, SERVER_LOCK, MOVE_LOCK, SETTINGS_STAMP)
# What opens the database's secrets and keeps digests comparable; only where the deployment's settings do not hold them.
KEYS = (SECRET_KEY, ENCRYPTION_KEY)
