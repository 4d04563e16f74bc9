"""PostgreSQL: the pool hands out connections without waiting for ever, and whoever waits for one lends their turn."""

from typing import Any

from django.db.backends.postgresql import base

from sage_platform.turns import turns


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        with turns.lent():
            return super().get_new_connection(conn_params)
