"""PostgreSQL: the pool hands out connections without waiting for ever, and whoever waits for one lends their turn."""

from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base

from sage_platform.databases.patience import ImpatientConnection
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
        try:
            self.without_pool().close()
        except psycopg.Error as error:
            return str(error)
        return ""

    def without_pool(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of its own, at once or not at all."""
        known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}  # The rest is Django's.
        return psycopg.connect(**{name: value for name, value in self.get_connection_params().items() if name in known})


class OwnWrapper(DatabaseWrapper):
    """Not from the pool."""

    connection_class: type[ImpatientConnection]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return self.connection_class.connect(**conn_params)


def own_wrapper(given: BaseDatabaseWrapper, answer_seconds: float) -> OwnWrapper:
    options = {name: value for name, value in given.settings_dict["OPTIONS"].items() if name != "pool"}
    wrapper = OwnWrapper(given.settings_dict | {"OPTIONS": options}, given.alias)
    wrapper.connection_class = type("BriefConnection", (ImpatientConnection,), {"answer_seconds": answer_seconds})
    return wrapper
