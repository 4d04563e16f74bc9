"""What a newcomer and a client find at their first look."""

import json
import re

import pytest

from tests.e2e.served import Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]


def test_the_root_leads_to_the_login_page(platform: Platform) -> None:
    caller = platform.caller()
    to_account = caller.get("/")
    assert (to_account.status_code, to_account.headers["Location"]) == (302, "/sage/")
    to_login = caller.get("/sage/")
    assert (to_login.status_code, to_login.headers["Location"]) == (302, "/sage/login?next=%2Fsage%2F")
    page = caller.get("/sage/login")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs"])
def test_every_file_that_a_page_names_is_served_from_here(platform: Platform, path: str) -> None:
    caller = platform.caller()
    page = caller.get(path).text
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert named, page
    for address in sorted(named):
        answer = caller.get(address)
        assert (address, answer.status_code) == (address, 200)
        assert answer.content
    assert not re.findall(r'(?:href|src)="(?:https?:)?//[^"]+\.(?:js|css|png|svg|woff2?)"', page)


def test_a_person_signs_in_by_the_login_page_with_a_form_token(platform: Platform) -> None:
    caller = platform.caller()
    page = caller.get("/sage/login").text
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    form = {"username": "admin", "password": platform.admin_password, "csrfmiddlewaretoken": found[1]}
    answer = caller.send("POST", "/sage/login", data=form)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/sage/")
    assert caller.get("/admin/").status_code == 200
    assert caller.get("/api/auth/session").json()["data"]["user"]["role"] == "admin"


def test_the_oauth2_metadata_is_one_document_at_all_its_addresses(platform: Platform) -> None:
    addresses = [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/oauth2",
        "/oauth2/metadata",
        "/oauth2/.well-known/openid-configuration",
        "/api/oauth2/metadata",
        "/api/oauth2/.well-known/openid-configuration",
    ]
    answers = [platform.caller().get(address) for address in addresses]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.content for answer in answers}) == 1
    assert json.loads(answers[0].content)["issuer"] == f"{platform.base}/oauth2"


def test_health_looks_at_the_three_dependencies(platform: Platform) -> None:
    answer = platform.caller().get("/api/health")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["status"], data["service"]) == ("healthy", "SagePlatform")
    assert {name: check["status"] for name, check in data["checks"].items()} == {
        "database": "healthy",
        "cache": "healthy",
        "storage": "healthy",
    }
