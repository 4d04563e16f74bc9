"""The admin's front page says how many providers there are, and leads to those that fail."""

import pytest

from sage_platform.accounts.models import User
from tests.people import Caller
from tests.provider_rows import make_provider
from tests.visitor import text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([], "Model providers None is stored yet. Add the first one"),
        (["works"], "Model providers 1 is stored. None failed at its last probe."),
        (["works", "", "fails"], "Model providers 3 are stored. 1 failed at its last probe."),
        (["fails", "fails"], "Model providers 2 are stored. 2 failed at their last probe."),
    ],
)
def test_what_staff_see(results: list[str], told: str, as_admin: Caller, alice: User) -> None:
    for number, result in enumerate(results):
        make_provider(alice, "https://models.example/v1", model=f"m{number}", probe_result=result)
    page = as_admin.client.get("/admin/")
    assert page.status_code == 200
    assert told in text_of(page)
    link = b'href="/admin/providers/provider/?probe_result__exact=fails"'
    assert (link in page.content) is ("fails" in results)


def test_in_chinese(as_admin: Caller, alice: User) -> None:
    make_provider(alice, "https://models.example/v1", probe_result="fails")
    page = as_admin.client.get("/admin/", headers={"Accept-Language": "zh-CN"})
    assert "模型服务 已保存 1 个。 1 个在最近一次检测中失败。" in text_of(page)
