"""A person's room holds however many processes take their files at the same moment."""

import pytest

from tests.e2e.crashes import database
from tests.e2e.served import lay_database, prepared
from tests.e2e.taking_files import ROUNDS

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]
# Three files with the form around them, and most of a fourth.
QUOTA = 390_000


def test_eight_processes_take_files_of_one_person_at_once() -> None:
    with prepared(SAGE_UPLOAD_QUOTA_BYTES=str(QUOTA)) as platform:
        lay_database(platform)
        done = platform.run_module("tests.e2e.taking_files")
        assert done.stdout.splitlines() == ['{"200 200": 3, "200 400": 5}'] * ROUNDS, done.stderr
        with database(platform) as execute:
            kept = execute("SELECT owner_id, count(*), sum(size) FROM uploads_upload GROUP BY owner_id").fetchall()
        assert [(amount, int(size)) for _owner, amount, size in kept] == [(3, 300_000)] * ROUNDS
        assert sum(path.is_file() for path in (platform.data / "media").rglob("*")) == 3 * ROUNDS
