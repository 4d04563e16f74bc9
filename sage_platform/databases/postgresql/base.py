"""PostgreSQL: the pool hands out connections without waiting for ever, and whoever waits for one lends their turn."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base

from sage_platform.turns import turns


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        with turns.lent():
            return super().get_new_connection(conn_params)

    def why_away(self) -> str:
        """What the server, or the way to it, says to a new connection; empty where one can be made.

        The pool tells only that nobody got one in time. The driver's text names the place, the user and the database, and never
        the password.
        """
        given = {name: value for name, value in self.get_connection_params().items() if name in psycopg_parameters()}
        try:
            psycopg.connect(**given).close()
        except psycopg.Error as error:
            return str(error)
        return ""


def psycopg_parameters() -> set[str]:
    """The names of what libpq takes; the rest of the parameters is the pool's and Django's."""
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
