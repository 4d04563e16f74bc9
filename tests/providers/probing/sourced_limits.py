"""How services say that a quota is used up, or that they are asked too often. Each row names its source."""

import json
from typing import Any

from tests.providers.probing.sources import Refusal
from tests.providers.probing.vendor_errors import QUOTA, RATE, error, plain
from tests.vendor.behaviours import openai_error

ZHIPU = "https://docs.bigmodel.cn/cn/api/api-code"
TEAM = (
    "Your team T has either used all available credits or reached its monthly spending limit. To continue making API requests,"
    " please purchase more credits or raise your spending limit."
)
FIREWORKS = error(
    "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices. Please go to"
    " https://fireworks.ai/account/billing for more information.",
    param=None,
    code="PRECONDITION_FAILED",
    type="error",
)
CYCLE = (
    "You've reached your usage limit for this billing cycle. Your quota will be refreshed in the next cycle. To continue now,"
    " purchase extra usage or upgrade your plan: https://www.kimi.com/code/#pricing"
)
WEEKLY = (
    "You've reached your weekly (7-day) usage limit. Your quota will reset when the current 7-day window ends. To continue now,"
    " purchase extra usage or upgrade your plan: https://www.kimi.com/membership/subscription?tab=quota"
)
MINIMAX = (
    "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter (0/0 used), resets at 2026-05-15T15:00:00Z (2056)"
)
GEMINI = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to:"
    " https://ai.google.dev/gemini-api/docs/rate-limits."
)
NO_FREE_TIER = (
    f"{GEMINI} \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0,"
    " model: gemini-3-pro\nPlease retry in 45.578569677s."
)
REGION = (
    "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit 'GenerateContent request limit per"
    " minute for a region' of service 'generativelanguage.googleapis.com' for consumer 'project_number:1'."
)


def anthropic(message: str, *, type: str, **more: object) -> dict[str, Any]:
    """The shape that others than Anthropic use too."""
    return {"type": "error", "error": {"type": type, "message": message} | more}


def gemini(message: str, *quotas: str, retry: str) -> dict[str, Any]:
    """Google's error with its details; the OpenAI-compatible endpoint puts it into a list."""
    failure = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [
            {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": quota,
                "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"},
            }
            for quota in quotas
        ],
    }
    again = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry}
    return error(message, code=429, status="RESOURCE_EXHAUSTED", details=[failure, again])


BY_MINUTE = gemini(GEMINI, "GenerateContentInputTokensPerModelPerMinute-FreeTier", retry="26s")
BY_DAY = gemini(
    GEMINI,
    "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    "GenerateContentInputTokensPerModelPerMinute-FreeTier",
    retry="47s",
)
BY_REGION = error(
    REGION,
    code=429,
    status="RESOURCE_EXHAUSTED",
    details=[
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "metadata": {"quota_limit": "GenerateContentRequestsPerMinutePerProjectPerRegion", "quota_limit_value": "0"},
        }
    ],
)

# Money, credits, plans, and limits of what may be spent or used.
USED_UP = [
    Refusal("xAI: credits, 429", 429, {"error": TEAM}, QUOTA, "continuedev/continue#10373"),
    Refusal("xAI: credits, 403", 403, {"code": "permission-denied", "error": TEAM}, QUOTA, "Anantys-oss/koan#2412"),
    Refusal(
        "xAI: a new team",
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Your newly created teams doesn't have any credits yet. You can purchase credits on https://console.x.ai.",
        },
        QUOTA,
        "griptape-ai/griptape-nodes-engine#1079",
    ),
    Refusal(
        "xAI: no license",
        403,
        {"error": "Your newly created team doesn't have any credits or licenses yet. You can purchase those on https://x.ai."},
        QUOTA,
        "continuedev/continue#12670",
    ),
    Refusal(
        "xAI: subscription",
        403,
        {"error": "You have run out of credits or need a Grok subscription. Add credits at https://grok.com/?_s=usage."},
        QUOTA,
        "Wei-Shaw/sub2api#4069",
    ),
    Refusal(
        "OpenRouter: the key's month",
        403,
        error("Key limit exceeded (monthly limit). Manage it using https://openrouter.ai/settings/keys", code=403),
        QUOTA,
        "gptme/gptme#1449",
    ),
    Refusal(
        "OpenRouter: the key's total",
        403,
        error("Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys", code=403),
        QUOTA,
        "danielsmithdevelopment/ClawQL#876",
    ),
    Refusal(
        "OpenRouter: cannot afford",
        402,
        error(
            "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0.",
            code=402,
        ),
        QUOTA,
        "anomalyco/opencode#12219",
    ),
    Refusal(
        "Zhipu: five hours",
        429,
        error("已达到 5 小时的使用上限。您的限额将在 2026-08-25 07:41:44 重置。", code="1308"),
        QUOTA,
        "dirge-code/dirge#818",
    ),
    Refusal(
        "Zhipu: plan expired",
        429,
        anthropic(
            "您的GLM Coding Plan套餐已到期，暂无法使用，前往官方续订后即可恢复 https://bigmodel.cn/claude-code。",
            type="rate_limit_error",
            code="1309",
        ),
        QUOTA,
        "zai-org/feedback#57",
    ),
    Refusal(
        "Zhipu: week or month",
        429,
        error("您已达到每周/每月使用上限，您的限额将在 2026-08-25 07:41:44 重置。", code="1310"),
        QUOTA,
        ZHIPU,
    ),
    Refusal(
        "Zhipu: calls of today",
        429,
        error("该 API 已达今日调用次数限额，如有更多需求，请联系客服购买", code="1304"),
        QUOTA,
        ZHIPU,
    ),
    Refusal("Zhipu: arrears", 429, error("您的账户已欠费，请充值后重试", code="1113"), QUOTA, ZHIPU),
    Refusal("Z.ai: week or month", 429, error("Weekly/Monthly Limit Exhausted", code="1310"), QUOTA, "LionSR/TeXRA#9865"),
    Refusal("Fireworks: suspended", 412, FIREWORKS, QUOTA, "pollinations/pollinations#12136"),
    Refusal(
        "Fireworks: through a gateway",
        412,
        error(f"APIError: Fireworks_aiException - {json.dumps(FIREWORKS)}. Received Model Group=m", type=None, code="412"),
        QUOTA,
        "FerroxLabs/wayland#545",
    ),
    Refusal(
        "Anthropic: one's own limit",
        400,
        anthropic(
            "You have reached your specified API usage limits. You will regain access on 2026-04-01 at 00:00 UTC.",
            type="invalid_request_error",
        ),
        QUOTA,
        "anthropics/claude-code#38035",
    ),
    Refusal("Kimi: week", 403, error(WEEKLY, type="access_terminated_error"), QUOTA, "openclaw/openclaw#142656"),
    Refusal("Kimi: billing cycle", 403, anthropic(CYCLE, type="permission_error"), QUOTA, "NanmiCoder/cc-haha#1208"),
    Refusal("MiniMax: token plan", 429, anthropic(MINIMAX, type="rate_limit_error"), QUOTA, "MiniMax-AI/MiniMax-M2.7#36"),
    Refusal(
        "Ollama: session, upgrade",
        429,
        {"error": "you (x) have reached your session usage limit, upgrade for higher limits: https://ollama.com/upgrade"},
        QUOTA,
        "continuedev/continue#11444",
    ),
    Refusal(
        "Ollama: session, wait",
        429,
        {"error": "you (x) have reached your session usage limit, please wait or upgrade to continue"},
        QUOTA,
        "continuedev/continue#10579",
    ),
    Refusal(
        "Codex: usage limit",
        429,
        anthropic("The usage limit has been reached", type="usage_limit_reached", plan_type="plus", resets_in_seconds=13872),
        QUOTA,
        "earendil-works/pi#4172",
    ),
    Refusal(
        "Codex: usage limit, 400",
        400,
        error("Usage limit reached.", status=400),
        QUOTA,
        "numman-ali/opencode-openai-codex-auth#36",
    ),
    Refusal(
        "Ark: inference limit",
        429,
        error(
            "Your account [1] has reached the set inference limit for the [m] model, and the model service has been paused. To"
            ' continue using this model, please visit the Model Activation page to adjust or close the "Safe Experience Mode".'
        ),
        QUOTA,
        "volcengine/MineContext#328",
    ),
    Refusal(
        "Together: credit limit",
        402,
        {"id": "1"}
        | error(
            "Credit limit exceeded. Please navigate to https://api.together.xyz/settings/billing to add credit or upgrade your"
            " plan.",
            type="credit_limit",
            param=None,
            code=None,
        ),
        QUOTA,
        "expectedparrot/edsl#2098",
    ),
    Refusal(
        "OpenCode Zen: no card",
        401,
        anthropic("No payment method. Add a payment method here: https://opencode.ai/workspace/w/billing", type="CreditsError"),
        QUOTA,
        "anomalyco/opencode#37161",
    ),
    Refusal(
        "OpenCode Go: balance",
        402,
        error("Insufficient Balance", type="unknown_error", param=None, code="invalid_request_error"),
        QUOTA,
        "anomalyco/opencode#27593",
    ),
    Refusal(
        "Hugging Face: month",
        402,
        {
            "error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more"
            " monthly included credits."
        },
        QUOTA,
        "huggingface/agents-course#386",
    ),
    Refusal(
        "DashScope: arrears",
        400,
        plain("Access denied, please make sure your account is in good standing.", code="Arrearage", requestId="1"),
        QUOTA,
        "tencentmusic/supersonic#1572",
    ),
    Refusal("Qwen: free quota", 429, error("Free allocated quota exceeded."), QUOTA, "QwenLM/qwen-code#1742"),
    Refusal(
        "W&B: credits",
        402,
        error("You exceeded your current quota, please check your plan and billing details"),
        QUOTA,
        "wandb/docs#1769",
    ),
    Refusal(
        "new-api: balance",
        403,
        error("用户额度不足, 剩余额度: ＄-0.000002 (request id: 1)"),
        QUOTA,
        "QuantumNous/new-api#6929",
    ),
    Refusal(
        "OpenAI: quota",
        429,
        openai_error(
            "You exceeded your current quota, please check your plan and billing details. For more information on this error,"
            " read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
            type="insufficient_quota",
            code="insufficient_quota",
        ),
        QUOTA,
        "ChatGPTNextWeb/NextChat#3664",
    ),
    Refusal("Gemini: not in the free tier", 429, [error(NO_FREE_TIER, code=429)], QUOTA, "continuedev/continue#9570"),
    Refusal("Gemini: the day's too", 429, [BY_DAY], QUOTA, "googleapis/python-genai#2044"),
    Refusal(
        "balance beside the minute",
        429,
        error("Insufficient balance. Free accounts may send 3 requests per minute."),
        QUOTA,
        "made up after DeepSeek's balance and Moonshot's limits, which no service that we know says at once",
    ),
]
# What comes back while one waits.
TOO_OFTEN = [
    Refusal("Gemini: minute", 429, [BY_MINUTE], RATE, "RooCodeInc/Roo-Code#3883"),
    Refusal("Gemini: minute, as a text", 429, error(json.dumps(BY_MINUTE), code=429), RATE, "RooCodeInc/Roo-Code#3883"),
    Refusal("Gemini: minute of a region", 429, BY_REGION, RATE, "tech-shrimp/gemini-playground#10"),
    Refusal(
        "Gemini: retry, without the quota's name",
        429,
        [gemini(GEMINI, retry="38s")],
        RATE,
        "made up after RooCodeInc/Roo-Code#3883, without its QuotaFailure",
    ),
    Refusal(
        "Vertex: minute",
        429,
        error(
            "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model with"
            " base model: gemini-pro. Please submit a quota increase request."
        ),
        RATE,
        "felixbinder/introspection_self_prediction#66",
    ),
    Refusal(
        "Zhipu: rate",
        429,
        error("您的账户已达到速率限制，请您控制请求频率", code="1302"),
        RATE,
        "zhukunpenglinyutong/jetbrains-cc-gui#897",
    ),
    Refusal(
        "Zhipu: traffic",
        429,
        error("该模型当前访问量过大，请您稍后再试", code="1305"),
        RATE,
        "zhukunpenglinyutong/jetbrains-cc-gui#897",
    ),
    Refusal(
        "Cerebras: tokens",
        429,
        plain("Tokens per minute limit exceeded - too many tokens processed."),
        RATE,
        "continuedev/continue#9800",
    ),
    Refusal(
        "Anthropic: rate",
        429,
        anthropic("This request would exceed your account's rate limit. Please try again later.", type="rate_limit_error"),
        RATE,
        "anthropics/claude-code#26247",
    ),
    Refusal(
        "Anthropic: rate by day",
        429,
        anthropic(
            "Number of request tokens has exceeded your daily rate limit; see the response headers for current usage.",
            type="rate_limit_error",
        ),
        RATE,
        "SakanaAI/AI-Scientist#115",
    ),
    Refusal(
        "ModelScope: requests",
        429,
        {"errors": {"message": "Request limit exceeded.", "request_id": "1"}},
        RATE,
        "musistudio/claude-code-router#462",
    ),
]
LIMITS = [*USED_UP, *TOO_OFTEN]
