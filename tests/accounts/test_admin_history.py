"""/admin/admin/logentry/: who changed what, by the administration and by the API. Every row that was ever stored opens."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from sage_platform.accounts.models import User
from tests.people import Caller, Response, envelope
from tests.visitor import text_of

LIST = "/admin/admin/logentry/"
# What a deletion by the API left in the history before version 0.3; Django's own reader fails at it.
FORMER = '[{"deleted": {}}]'


def kept(actor: User, message: str, flag: int = DELETION) -> LogEntry:
    users = ContentType.objects.get_for_model(User)
    entry: LogEntry = LogEntry.objects.create(
        user=actor, content_type=users, object_id="carol", object_repr="carol", action_flag=flag, change_message=message
    )
    return entry


def opened(caller: Caller, entry: LogEntry) -> list[Response]:
    """The list, the entry's own page and the front page with its recent actions."""
    pages = [caller.get(LIST), caller.get(f"{LIST}{entry.pk}/change/"), caller.get("/admin/")]
    assert [page.status_code for page in pages] == [200, 200, 200]
    return pages


def test_a_deletion_by_the_api_is_read_in_the_history(as_admin: Caller, alice: User) -> None:
    assert envelope(as_admin.post("/api/user/delete", {"user_id": "alice"}))["code"] == 200
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id, entry.object_repr, entry.change_message) == (DELETION, "alice", "alice", "")
    listed, own, _front = opened(as_admin, entry)
    for page in (listed, own):
        assert "alice" in text_of(page)
        assert "Deletion" in text_of(page)


@pytest.mark.parametrize("message", [FORMER, '[{"changed": {}}]', "[1]", "[", '["deleted"]', "[null]"])
def test_what_django_cannot_read_is_shown_as_it_is_stored(message: str, as_admin: Caller) -> None:
    """Workers of the version before may still write the first one during an upgrade, after the migration."""
    readable = kept(as_admin.user, '[{"changed": {"fields": ["Role"]}}]', CHANGE)
    listed, own, _front = opened(as_admin, kept(as_admin.user, message))
    assert message in text_of(listed)
    assert message in text_of(own)
    assert "Changed Role." in text_of(listed)
    assert "Changed Role." in text_of(as_admin.get(f"{LIST}{readable.pk}/change/"))


def test_the_migration_mends_the_rows_that_are_stored(as_admin: Caller) -> None:
    """So that the history page of somebody who has come back under the same id opens as well: it is Django's own."""
    former = kept(as_admin.user, FORMER)
    others = [kept(as_admin.user, '[{"added": {}}]', ADDITION), kept(as_admin.user, "by hand")]
    User.objects.create(id="carol", username="carol")
    migration = import_module("sage_platform.accounts.migrations.0004_readable_history")
    migration.mend(apps, connection.schema_editor())
    former.refresh_from_db()
    assert former.change_message == ""
    assert [LogEntry.objects.get(pk=entry.pk).change_message for entry in others] == ['[{"added": {}}]', "by hand"]
    assert as_admin.get("/admin/accounts/user/carol/history/").status_code == 200
