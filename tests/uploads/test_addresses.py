"""What an area learns of a file from its address (`seams.stored_files`)."""

import pytest
from pytest_django import Settings

from sage_platform.api import seams
from sage_platform.api.seams import StoredFile
from tests.uploads.kept import kept
from uploads.models import State, Upload

pytestmark = pytest.mark.django_db


def found(address: str) -> StoredFile | None:
    look_up = seams.stored_files.get()
    assert look_up is not None
    return look_up(address)


def test_an_address_of_ours_leads_to_the_file(settings: Settings) -> None:
    settings.SAGE_PUBLIC_URL = "https://sage.example"
    row = kept(b"an installer", "Sage 1.0 ’x’.msi", "application/octet-stream", key="bundle/1.0.0/Sage.msi")
    other = f"HTTPS://Sage.Example:443/files/{row.public_id}/another-name?x#y"
    for address in (row.url, other, row.url.replace("/files/", "/prod-api/files/")):
        file = found(address)
        assert file is not None
        assert (file.key, file.name, file.size, file.sha256) == ("bundle/1.0.0/Sage.msi", "Sage 1.0 ’x’.msi", 12, row.sha256)
        with file.open() as stream:
            assert stream.read() == b"an installer"


def test_any_other_address_leads_to_none(settings: Settings) -> None:
    settings.SAGE_PUBLIC_URL = "https://sage.example"
    row = kept(b"an installer")
    strange = [
        "http://sage.example",
        "https://sage.example:8443",
        "https://sage.example.evil.example",
        "https://evil@sage.example",
        "//sage.example",
        "",
        "https://[sage.example",
    ]
    assert [address for address in strange if found(address + row.path)] == []
    paths = ["/", "/files", f"/files/{row.public_id}", f"/x/{row.public_id}/a", f"/files/{row.public_id}/a/b", "/files/%00/a"]
    paths += [f"{before}/files/{row.public_id}/a" for before in ("/", "/prod-api/", "/prod-apix", "/prod-api/prod-api", "/api")]
    assert [path for path in paths if found(settings.SAGE_PUBLIC_URL + path)] == []
    Upload.objects.update(state=State.DELETING, lease_until=row.created_at)
    assert found(row.url) is None
