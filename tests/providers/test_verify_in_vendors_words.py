"""POST /api/llm-provider/verify: the whole answer for each way in which services say one thing.

Each row is one of `probing/sourced_limits.py` or `probing/sourced_refusals.py`, where all of them and their sources are.
"""

import pytest

from tests.people import Caller, envelope
from tests.provider_rows import fields, stored
from tests.providers.probing.sourced_limits import LIMITS
from tests.providers.probing.sourced_refusals import REFUSALS
from tests.providers.sentences import NO_MODEL, NOT_OPENAI, PERMISSION, QUOTA, RATE, SERVICE
from tests.vendor import Vendor, answering

PATH = "/api/llm-provider/verify"
ROWS = {row.case: row for row in [*LIMITS, *REFUSALS]}
TEAM = (
    "Your team T has either used all available credits or reached its monthly spending limit. To continue making API requests,"
    " please purchase more credits or raise your spending limit."
)
# By the case: the whole message.
MESSAGES = {
    "xAI: credits, 429": f"{QUOTA} The service says: {TEAM}",
    "xAI: credits, 403": f"{QUOTA} The service says: {TEAM}",
    "OpenRouter: the key's month": (
        f"{QUOTA} The service says: Key limit exceeded (monthly limit). Manage it using https://openrouter.ai/settings/keys"
    ),
    "Zhipu: five hours": f"{QUOTA} The service says: 已达到 5 小时的使用上限。您的限额将在 2026-08-25 07:41:44 重置。",
    "Zhipu: plan expired": (
        f"{QUOTA} The service says: 您的GLM Coding Plan套餐已到期，暂无法使用，前往官方续订后即可恢复"
        " https://bigmodel.cn/claude-code。"
    ),
    "Fireworks: suspended": (
        f"{QUOTA} The service says: Account x is suspended, possibly due to reaching the monthly spending limit or failure to"
        " pay past invoices. Please go to https://fireworks.ai/account/billing for more information."
    ),
    "Gemini: minute": (
        f"{RATE} The service says: You exceeded your current quota, please check your plan and billing details. For more"
        " information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
    ),
    "Ollama: embeddings": f'{NO_MODEL} The service says: "embeddinggemma" does not support chat',
    "Azure: embeddings": (
        f"{NO_MODEL} The service says: The chatCompletion operation does not work with the specified model,"
        " text-embedding-3-large. Please choose different model and try again. You can learn more about which models can be used"
        " with each operation here: https://go.microsoft.com."
    ),
    "NVIDIA: retired": (
        f"{NO_MODEL} The service says: Function '23d4f03a-b8a6-4adb-a183-7daa083a09cc': Not found for account 'a'"
    ),
    "Groq: restricted": (
        f"{PERMISSION} The service says: Organization has been restricted. Please reach out to support if you believe this was"
        " in error."
    ),
    "Anthropic: disabled": f"{PERMISSION} The service says: This organization has been disabled.",
    "Zhipu: path, 500": f"{NOT_OPENAI} The service says: 404 NOT_FOUND",
    "Zhipu: path, in a 200": f"{NOT_OPENAI} The service says: 404 NOT_FOUND",
    "LiteLLM: no database": f"{SERVICE} The service says: No connected db.",
}


@pytest.mark.parametrize("case", MESSAGES)
def test_the_whole_answer(case: str, vendor: Vendor, as_alice: Caller) -> None:
    row = ROWS[case]
    vendor.behave(answering(row.body, status=row.status))
    response = as_alice.post(PATH, fields(vendor))
    assert (response.status_code, envelope(response)) == (200, {"code": 500, "message": MESSAGES[case], "data": None})
    assert len(vendor.requests) == 1, "nothing is tried twice in secret"
    assert stored() == [[], []]


def test_in_chinese(vendor: Vendor, as_alice: Caller) -> None:
    row = ROWS["Kimi: week"]
    vendor.behave(answering(row.body, status=row.status))
    response = as_alice.post(PATH, fields(vendor), X_Sage_Locale="zh-CN")
    message = (
        "额度或余额已用完。请在服务商处充值或提高限额。服务的原文：You've reached your weekly (7-day) usage limit. Your quota"
        " will reset when the current 7-day window ends. To continue now, purchase extra usage or upgrade your plan:"
        " https://www.kimi.com/membership/subscription?tab=quota"
    )
    assert envelope(response) == {"code": 500, "message": message, "data": None}
