"""The administration's report of usage, its sheet, and its part of the front page."""

import html
import re
from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from system.usage.models import DailyUsage
from tests.people import Caller, Response
from tests.system.usage.bodies import REPORT, batch, event
from tests.system.usage.stored import everything
from tests.usage_rows import used

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

PAGE = "/admin/system/dailyusage/"
SHEET = f"{PAGE}csv/"
HEAD = (
    '\ufeff"kind","name","username","calls","model_calls","input_tokens","cached_tokens","output_tokens","reasoning_tokens",'
    '"total_tokens","sessions"'
)
TODAY = date(2026, 11, 28)


def text_of(response: Response) -> str:
    assert response.status_code == 200, response
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


def lines_of(response: Response) -> list[str]:
    assert response.status_code == 200, response
    return response.content.decode().removesuffix("\r\n").split("\r\n")


@pytest.fixture
def reported(noon: object, as_alice: Caller, as_bob: Caller) -> None:
    """Alice's and bob's, of two days."""
    numbers = {"model": "large", "input_tokens": 219_921, "cached_tokens": 170_496, "output_tokens": 3562}
    as_alice.post(REPORT, batch(event("a", occurred_at="2026-11-27T23:59:59Z", **numbers), event("b", count=3, action="read")))
    as_bob.post(REPORT, batch(event("a", agent_id="coder", model="small", output_tokens=100, reasoning_tokens=60)))


@pytest.mark.usefixtures("reported")
def test_what_is_shown(as_admin: Caller) -> None:
    shown = text_of(as_admin.get(PAGE, {"start_date": "2026-11-27", "end_date": "2026-11-28"}))
    for part in (
        "Nov. 27, 2026 to Nov. 28, 2026, in days of UTC. Download as CSV",
        "Calls 5 2 of models Input tokens 219,921 170,496 cached Output tokens 3,662 60 reasoning",
        "Tokens in all 223,583 Sessions 2",
        "Day Model calls Other calls Total Nov. 27, 2026 1 0 1 Nov. 28, 2026 1 3 4",
        "Day Input, not cached Input, cached Output Total Nov. 27, 2026 49,425 170,496 3,562 223,483 Nov. 28, 2026 0 0 100 100",
        "Agents by tokens Agent Calls Tokens writer 4 223,483 coder 1 100",
        "Users by tokens User Calls Tokens alice Account of alice 4 223,483 bob Account of bob 1 100",
        "Actions by calls Action Calls Tokens read 3 0 search 2 223,583",
        "Models by tokens Model Calls Tokens large 1 223,483 small 1 100",
    ):
        assert part in shown


@pytest.mark.usefixtures("reported")
def test_a_line_leads_to_the_report_of_it_alone(as_admin: Caller, bob: object) -> None:
    content = as_admin.get(PAGE).content.decode()
    assert '<a href="?days=30&amp;user=bob"><bdi>bob</bdi></a>' in content
    assert '<a href="?days=30&amp;agent=coder"><bdi>coder</bdi></a>' in content
    assert 'href="/admin/accounts/user/bob/change/"' in content
    for chosen in ({"days": "30", "user": "bob"}, {"user": "BOB"}, {"agent": "coder"}):
        shown = text_of(as_admin.get(PAGE, chosen))
        assert "Output tokens 100 60 reasoning Tokens in all 100 Sessions 1" in shown
        assert "alice" not in shown


def test_somebody_who_is_gone(as_admin: Caller) -> None:
    used(TODAY, "gone-4711", calls=1)
    content = as_admin.get(PAGE)
    assert "gone-4711 (no such user any more)" in text_of(content)
    assert "/admin/accounts/user/gone-4711/" not in content.content.decode()
    shown = text_of(as_admin.get(PAGE, {"user": "gone-4711"}))
    assert "Of gone-4711 alone, which is no user’s name or id now. Everybody" in shown.replace("\u2068", "").replace("\u2069", "")
    assert "Calls 1 1 of models" in shown


def test_a_name_is_only_a_name(as_admin: Caller) -> None:
    used(TODAY, "admin", agent="<script>alert(1)</script>", action='"><img src=x>', calls=1)
    content = as_admin.get(PAGE).content.decode()
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in content
    assert "<script>alert" not in content
    assert "<img src=x>" not in content
    assert " style=" not in content


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"start_date": "28.11.2026", "end_date": "2026-11-28"}, "Enter a valid date."),
        ({"start_date": "2026-02-30", "end_date": "2026-03-01"}, "Enter a valid date."),
        ({"start_date": "2026-11-01"}, "Give both days, or neither."),
        ({"end_date": "2026-11-01"}, "Give both days, or neither."),
        ({"start_date": "2026-11-02", "end_date": "2026-11-01"}, "The end is before the start."),
        ({"start_date": "2025-11-27", "end_date": "2026-11-28"}, "At most 366 days can be shown at once."),
        ({"start_date": "0001-01-01", "end_date": "9999-12-31"}, "At most 366 days can be shown at once."),
        ({"days": "367"}, "Ensure this value is less than or equal to 366."),
        ({"days": "none"}, "Enter a whole number."),
        ({"lines": "5"}, "Select a valid choice. 5 is not one of the available choices."),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, str], said: str, as_admin: Caller) -> None:
    used(TODAY, "admin", calls=7)
    before = everything()
    shown = text_of(as_admin.get(PAGE, asked))
    assert said in shown
    assert "Shown are the usual days. Oct. 30, 2026 to Nov. 28, 2026, in days of UTC." in shown
    assert "Calls 7 7 of models" in shown
    sheet = as_admin.get(SHEET, asked)
    assert (sheet.status_code, sheet.headers["Location"].partition("?")[0]) == (302, PAGE)
    assert everything() == before


@pytest.mark.parametrize(
    ("first", "last"), [("2025-11-28", "2026-11-28"), ("9999-12-31", "9999-12-31"), ("0001-01-01", "0001-01-01")]
)
def test_the_ends_of_what_can_be_asked(first: str, last: str, as_admin: Caller) -> None:
    assert "Nothing was used in these days." in text_of(as_admin.get(PAGE, {"start_date": first, "end_date": last}))


@pytest.mark.usefixtures("reported")
def test_the_sheet(as_admin: Caller) -> None:
    response = as_admin.get(SHEET, {"start_date": "2026-11-27", "end_date": "2026-11-28"})
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="usage-2026-11-27-2026-11-28.csv"'
    assert "no-store" in response.headers["Cache-Control"]
    assert lines_of(response) == [
        HEAD,
        '"total","2026-11-27/2026-11-28","",5,2,219921,170496,3662,60,223583,2',
        '"day","2026-11-27","",1,1,219921,170496,3562,0,223483,""',
        '"day","2026-11-28","",4,1,0,0,100,60,100,""',
        '"agent","writer","",4,1,219921,170496,3562,0,223483,""',
        '"agent","coder","",1,1,0,0,100,60,100,""',
        '"user","alice","alice",4,1,219921,170496,3562,0,223483,""',
        '"user","bob","bob",1,1,0,0,100,60,100,""',
        '"action","read","",3,0,0,0,0,0,0,""',
        '"action","search","",2,2,219921,170496,3662,60,223583,""',
        '"model","large","",1,1,219921,170496,3562,0,223483,""',
        '"model","small","",1,1,0,0,100,60,100,""',
    ]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ('=HYPERLINK("http://a","b")', '"\'=HYPERLINK(""http://a"",""b"")"'),
        ("+1", '"\'+1"'),
        ("-1+2", '"\'-1+2"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("\t=1", '"\'\t=1"'),
        ("  =1", '"\'  =1"'),
        ("＝1", '"\'＝1"'),
        ("a,b;c", '"a,b;c"'),
        ('a"b', '"a""b"'),
        ("two\nlines", '"two\nlines"'),
        ("🦊 客服", '"🦊 客服"'),
    ],
)
def test_names_in_the_sheet(name: str, cell: str, as_admin: Caller) -> None:
    used(TODAY, "admin", agent=name, calls=1)
    lines = lines_of(as_admin.get(SHEET, {"days": "1"}))
    assert f'"agent",{cell},"",1,1,0,0,0,0,0,""' in lines


def test_the_sheet_has_as_many_lines_as_the_page(as_admin: Caller) -> None:
    for number in range(12):
        used(TODAY, "admin", agent=f"agent{number}", calls=number + 1)
    page, sheet = text_of(as_admin.get(PAGE)), lines_of(as_admin.get(SHEET))
    assert "agent2 3 0 and 2 more" in page
    assert "agent1 2 0" not in page
    assert '"more_agents",2,"","","","","","","","",""' in sheet
    assert not any('"agent1"' in line for line in sheet)
    assert sum('"agent",' in line for line in lines_of(as_admin.get(SHEET, {"lines": "100"}))) == 12


def test_in_chinese(as_admin: Caller) -> None:
    used(TODAY, "admin", calls=45_000, input_tokens=4_500_000)
    content = as_admin.get(PAGE, Accept_Language="zh-CN")
    shown = text_of(content)
    assert "2026年10月30日至2026年11月28日，日期按 UTC 计。 下载 CSV" in shown
    assert "输入 token 4,500,000 其中缓存 0" in shown
    assert "<span>5万</span>" in content.content.decode()
    assert lines_of(as_admin.get(SHEET, Accept_Language="zh-CN"))[0] == HEAD


@pytest.mark.parametrize("path", [PAGE, SHEET])
def test_administrators_alone(path: str, as_alice: Caller, as_admin: Caller) -> None:
    used(TODAY, "alice", calls=1)
    assert as_alice.get(path).status_code == 403
    assert Caller().get(path).status_code == 302
    before = everything()
    assert as_admin.form(path, {"calls": 9}).status_code == 405
    assert everything() == before


def test_nobody_writes_sums(as_admin: Caller) -> None:
    used(TODAY, "alice", calls=1)
    before, row = everything(), DailyUsage.objects.get()
    for path in ("add/", f"{row.pk}/change/", f"{row.pk}/delete/", f"{row.pk}/"):
        assert as_admin.get(f"{PAGE}{path}").status_code == 404
        assert as_admin.form(f"{PAGE}{path}", {"calls": 9, "post": "yes"}).status_code == 404
    assert everything() == before


@pytest.mark.usefixtures("reported")
def test_few_queries(as_admin: Caller, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        used(TODAY, f"u{number}", agent=f"a{number}", calls=1)
    as_admin.get(PAGE)
    for path in (PAGE, SHEET):
        with django_assert_max_num_queries(11):  # Seven are the report's, and the others find who asks and whom they ask about.
            as_admin.get(path, {"lines": "100", "user": "alice"})


def test_the_front_page(as_admin: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """One query more than without the panel, whatever there is of it."""
    assert "Usage Nothing was used in the last 30 days. See other days" in text_of(as_admin.get("/admin/"))
    used(date(2026, 10, 29), "alice", calls=1)
    assert "Nothing was used in the last 30 days." in text_of(as_admin.get("/admin/"))
    used(date(2026, 10, 30), "alice", calls=1234, input_tokens=5_000_000)
    response = as_admin.get("/admin/")
    shown = text_of(response)
    assert "Usage The last 30 days. Calls 1,234 1,234 of models Input tokens 5,000,000 0 cached Output tokens 0" in shown
    assert 'aria-label="Calls, Oct. 30, 2026 to Nov. 28, 2026: 1,234 in all, at most 1,234 (Oct. 30, 2026)."' in (
        response.content.decode()
    )
    with django_assert_num_queries(1):
        from system.usage.admin import admin_panel

        admin_panel(response.wsgi_request)
