"""How services say no: `(service and case, HTTP status, body, category)`. A body of bytes is sent as it is.

The rows of this table name no source. Those of `sourced_limits.py` and `sourced_refusals.py` do, and new rows belong there.
"""

import json
from typing import Any

from providers.probing import Category
from tests.vendor.behaviours import openai_error

AUTH, PERMISSION, MODEL = Category.AUTHENTICATION, Category.PERMISSION, Category.MODEL
QUOTA, RATE, SERVICE = Category.QUOTA, Category.RATE_LIMIT, Category.SERVICE
NOT_OPENAI, TIMEOUT = Category.NOT_OPENAI, Category.TIMEOUT

Row = tuple[str, int, Any, Category]


def error(message: str, **more: object) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def plain(message: str, **more: object) -> dict[str, Any]:
    return {"message": message, **more}


def page(title: str) -> bytes:
    return f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center></body></html>".encode()


OPENAI: list[Row] = [
    ("key", 401, openai_error("Incorrect API key provided: sk-zz.", code="invalid_api_key"), AUTH),
    ("no key", 401, openai_error("You didn't provide an API key. You need to provide your API key in a header."), AUTH),
    (
        "scope",
        401,
        openai_error("You have insufficient permissions for this operation. Missing scopes: model.request."),
        PERMISSION,
    ),
    (
        "country",
        403,
        openai_error("Country, region, or territory not supported", code="unsupported_country_region_territory"),
        PERMISSION,
    ),
    ("project", 403, openai_error("Project `p` does not have access to model `m`", code="model_not_found"), MODEL),
    ("model", 404, openai_error("The model `m` does not exist or you do not have access to it.", code="model_not_found"), MODEL),
    ("path", 404, openai_error("Invalid URL (POST /v1/v1/chat/completions)"), NOT_OPENAI),
    (
        "not a chat model",
        404,
        openai_error("This is not a chat model and thus not supported in the v1/chat/completions endpoint."),
        MODEL,
    ),
    (
        "rate, with a link to billing",
        429,
        openai_error(
            "Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 30000. Visit"
            " https://platform.openai.com/account/rate-limits. You can increase your rate limit by adding a payment method to"
            " your account at https://platform.openai.com/account/billing.",
            type="tokens",
            code="rate_limit_exceeded",
        ),
        RATE,
    ),
    (
        "rate, in words alone",
        429,
        error("Rate limit reached. Add a payment method at https://x.example/insufficient-quota."),
        RATE,
    ),
    ("quota", 429, openai_error("You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota"), QUOTA),
    ("billing", 429, openai_error("Billing hard limit has been reached", code="billing_hard_limit_reached"), QUOTA),
    ("overloaded", 503, openai_error("The engine is currently overloaded, please try again later"), SERVICE),
    ("model overloaded", 503, openai_error("That model is currently unavailable: overloaded with other requests."), SERVICE),
    (
        "error",
        500,
        openai_error("The server had an error while processing your request. Sorry about that!", type="server_error"),
        SERVICE,
    ),
]
AZURE: list[Row] = [
    (
        "key",
        401,
        error(
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an"
            " active subscription and use a correct regional API endpoint for your resource.",
            code="401",
        ),
        AUTH,
    ),
    ("gateway", 401, {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid or expired."}, AUTH),
    ("principal", 401, error("Principal does not have access to API/Operation.", code="PermissionDenied"), PERMISSION),
    ("deployment", 404, error("The API deployment for this resource does not exist.", code="DeploymentNotFound"), MODEL),
    ("path", 404, error("Resource not found", code="404"), NOT_OPENAI),
    (
        "rate",
        429,
        error(
            "Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current OpenAI S0 pricing"
            " tier. Please retry after 26 seconds. Please go here: https://aka.ms/oai/quotaincrease to increase it.",
            code="429",
        ),
        RATE,
    ),
]
ANTHROPIC: list[Row] = [
    (kind, status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}, category)
    for kind, status, message, category in [
        ("authentication_error", 401, "invalid x-api-key", AUTH),
        ("permission_error", 403, "Your API key does not have permission to use the specified resource.", PERMISSION),
        ("not_found_error", 404, "model: claude-nope", MODEL),
        ("not_found_error", 404, "Not found", NOT_OPENAI),
        ("invalid_request_error", 400, "Your credit balance is too low to access the Anthropic API.", QUOTA),
        ("rate_limit_error", 429, "This request would exceed your organization's rate limit of 50 requests per minute.", RATE),
        ("overloaded_error", 529, "Overloaded", SERVICE),
        ("api_error", 500, "Internal server error", SERVICE),
    ]
]
GOOGLE: list[Row] = [
    (
        "key",
        400,
        [
            error(
                "API key not valid. Please pass a valid API key.",
                code=400,
                status="INVALID_ARGUMENT",
                details=[{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
            )
        ],
        AUTH,
    ),
    ("no key", 401, [error("Request had invalid authentication credentials.", code=401, status="UNAUTHENTICATED")], AUTH),
    ("model", 404, [error("models/gemini-0 is not found for API version v1main.", code=404, status="NOT_FOUND")], MODEL),
    ("rate", 429, [error("Resource has been exhausted (e.g. check quota).", code=429, status="RESOURCE_EXHAUSTED")], RATE),
    (
        "quota",
        429,
        [
            error(
                "You exceeded your current quota, please check your plan and billing details.",
                code=429,
                status="RESOURCE_EXHAUSTED",
            )
        ],
        QUOTA,
    ),
    (
        "country",
        400,
        [error("User location is not supported for the API use.", code=400, status="FAILED_PRECONDITION")],
        PERMISSION,
    ),
    ("permission", 403, [error("Generative Language API has not been used.", code=403, status="PERMISSION_DENIED")], PERMISSION),
    ("busy", 503, [error("The model is overloaded. Please try again later.", code=503, status="UNAVAILABLE")], SERVICE),
]
CHINESE: list[Row] = [
    (
        "DeepSeek: key",
        401,
        openai_error("Authentication Fails, Your api key: ****zzzz is invalid", type="authentication_error"),
        AUTH,
    ),
    ("DeepSeek: balance", 402, openai_error("Insufficient Balance", type="unknown_error", code="invalid_request_error"), QUOTA),
    ("DeepSeek: model", 400, openai_error("Model Not Exist", code="invalid_request_error"), MODEL),
    ("DashScope: key", 401, openai_error("Incorrect API key provided. ", code="invalid_api_key"), AUTH),
    ("DashScope: key, natively", 401, {"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "1"}, AUTH),
    (
        "DashScope: arrears",
        400,
        {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."},
        QUOTA,
    ),
    (
        "DashScope: rate",
        429,
        {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded, please try again later."},
        RATE,
    ),
    (
        "DashScope: free tier",
        403,
        error("The free tier of the model has been exhausted.", code="AllocationQuota.FreeTierOnly"),
        QUOTA,
    ),
    ("DashScope: access", 403, error("Access to model denied.", code="Model.AccessDenied"), PERMISSION),
    ("DashScope: model", 404, openai_error("The model `qwen-nope` does not exist or you do not have access to it."), MODEL),
    ("DashScope: streams only", 400, error("This model only support stream mode.", code="invalid_parameter_error"), SERVICE),
    ("Zhipu: key", 401, error("身份验证失败。", code="1000"), AUTH),
    ("Zhipu: token", 401, error("令牌已过期或验证不正确", code="401"), AUTH),
    ("Zhipu: arrears", 429, error("您的账户已欠费，请充值后重试。", code="1113"), QUOTA),
    ("Zhipu: packages", 429, error("余额不足或无可用资源包,请充值。", code="1113"), QUOTA),
    ("Zhipu: rate", 429, error("您当前使用该API的并发数过高，请降低并发，或联系客服增加限额。", code="1302"), RATE),
    ("Zhipu: model", 400, error("模型不存在，请检查模型代码。", code="1211"), MODEL),
    ("Zhipu: permission", 403, error("您无权访问glm-zero。", code="1220"), PERMISSION),
    ("Zhipu: path", 404, {"timestamp": "2024", "status": 404, "error": "Not Found", "path": "/v4/chat"}, NOT_OPENAI),
    ("Z.ai: arrears", 429, error("Your account is in arrears, please recharge and try again", code="1113"), QUOTA),
    ("Moonshot: key", 401, error("Invalid Authentication", type="invalid_authentication_error"), AUTH),
    (
        "Moonshot: balance",
        429,
        error("Your account is suspended, please check your plan and billing details", type="exceeded_current_quota_error"),
        QUOTA,
    ),
    (
        "Moonshot: rate",
        429,
        error("Your account reached max request, please try again after 1 seconds", type="rate_limit_reached_error"),
        RATE,
    ),
    ("Moonshot: model", 404, error("Not found the model m or Permission denied", type="resource_not_found_error"), MODEL),
    ("Moonshot: path", 404, {"code": 5, "error": "url.not_found", "message": "没找到对象", "method": "POST"}, NOT_OPENAI),
    (
        "MiniMax: key",
        200,
        {"base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API secret key"}},
        AUTH,
    ),
    ("MiniMax: balance", 200, {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QUOTA),
    ("MiniMax: rate", 200, {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, RATE),
    ("MiniMax: key, new", 200, {"base_resp": {"status_code": 2049, "status_msg": "invalid api key"}}, AUTH),
    ("MiniMax: parameters", 200, {"base_resp": {"status_code": 2013, "status_msg": "invalid params"}}, SERVICE),
    ("SiliconFlow: key", 401, "Invalid token", AUTH),
    (
        "SiliconFlow: model",
        400,
        {"code": 20012, "message": "Model does not exist. Please check it carefully.", "data": None},
        MODEL,
    ),
    ("SiliconFlow: balance", 403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, QUOTA),
    ("SiliconFlow: rate", 429, plain("Request was rejected due to rate limiting.", data=None), RATE),
    (
        "SiliconFlow: busy",
        503,
        {"code": 50505, "message": "Model service overloaded. Please try again later.", "data": None},
        SERVICE,
    ),
    ("Ark: model", 404, error("The model or endpoint m does not exist.", code="InvalidEndpointOrModel.NotFound"), MODEL),
    (
        "Ark: overdue",
        403,
        error("The request failed because your account has an overdue balance.", code="AccountOverdueError"),
        QUOTA,
    ),
    ("Qianfan: key", 401, {"error_code": 14, "error_msg": "IAM Certification failed, invalid access token"}, AUTH),
    ("new-api: key", 401, error("无效的令牌 (request id: 1)", type="new_api_error"), AUTH),
    ("new-api: quota", 401, error("该令牌额度已用尽", type="new_api_error"), QUOTA),
    (
        "new-api: quota, 403",
        403,
        error("用户额度不足, 剩余额度: $0.00", type="new_api_error", code="insufficient_user_quota"),
        QUOTA,
    ),
    ("new-api: model", 503, error("当前分组 default 下对于模型 m 无可用渠道", type="new_api_error"), MODEL),
    ("new-api: rate", 429, error("您已达到请求数限制：1分钟内最多请求10次", type="new_api_error"), RATE),
]
HOSTS: list[Row] = [
    ("Mistral: key", 401, {"detail": "Unauthorized"}, AUTH),
    ("Mistral: model", 400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model", "code": "1500"}, MODEL),
    (
        "Mistral: proxy",
        422,
        {"object": "error", "message": '{"detail":[{"msg":"x"}]}', "type": "internal_error_proxy", "code": "1000"},
        SERVICE,
    ),
    ("Mistral: rate", 429, plain("Requests rate limit exceeded"), RATE),
    ("Groq: key", 401, openai_error("Invalid API Key", code="invalid_api_key"), AUTH),
    ("Groq: retired model", 400, openai_error("The model `m` has been decommissioned.", code="model_decommissioned"), MODEL),
    (
        "Groq: path",
        404,
        openai_error("Unknown request URL: POST /chat. Please check the URL for typos.", code="unknown_url"),
        NOT_OPENAI,
    ),
    (
        "Together: key",
        401,
        {"id": "1"} | error("Invalid API key provided.", type="invalid_request_error", code="invalid_api_key"),
        AUTH,
    ),
    ("Together: model", 404, {"id": "1"} | error("Unable to access model m.", code="model_not_available"), MODEL),
    ("Fireworks: model", 404, error("Model not found, inaccessible, and/or not deployed", code="NOT_FOUND"), MODEL),
    ("OpenRouter: key", 401, error("No auth credentials found", code=401), AUTH),
    ("OpenRouter: credits", 402, error("This request requires more credits, or fewer max_tokens.", code=402), QUOTA),
    ("OpenRouter: model", 400, error("m is not a valid model ID", code=400), MODEL),
    ("OpenRouter: endpoints", 404, error("No endpoints found for a/b.", code=404), MODEL),
    (
        "OpenRouter: what its provider said",
        429,
        error("Provider returned error", code=429, metadata={"raw": '{"error": {"message": "Insufficient balance"}}'}),
        QUOTA,
    ),
    ("OpenRouter: in a 200", 200, error("Provider returned error", code=502), SERVICE),
    ("OpenRouter: rate in a 200", 200, error("Provider returned error", code=429), RATE),
    (
        "OpenRouter: in the choice",
        200,
        {"choices": [{"error": {"message": "Rate limited", "code": 429}, "message": {"content": ""}}]},
        RATE,
    ),
    ("xAI: key", 400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: zz***zz."}, AUTH),
    ("xAI: model", 404, {"code": "Some requested entity was not found", "error": "The model m does not exist."}, MODEL),
    ("Cohere: key", 401, plain("invalid api token"), AUTH),
    ("Cohere: model", 404, plain("model 'm' not found, make sure the correct model ID was used"), MODEL),
    ("Perplexity: key", 401, page("401 Authorization Required"), AUTH),
    (
        "Perplexity: model",
        400,
        error("Invalid model 'm'. Permitted models can be found in the documentation.", type="invalid_model"),
        MODEL,
    ),
    ("NVIDIA: key", 401, {"status": 401, "title": "Unauthorized", "detail": "Authentication failed"}, AUTH),
    ("NVIDIA: path", 404, b"404 page not found\n", NOT_OPENAI),
    (
        "Cloudflare: key",
        401,
        {"result": None, "success": False, "errors": [{"code": 10000, "message": "Authentication error"}]},
        AUTH,
    ),
    ("Cloudflare: in a 200", 200, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, AUTH),
    ("Hugging Face: key", 401, {"error": "Invalid credentials in Authorization header"}, AUTH),
    ("Hugging Face: credits", 402, {"error": "You have exceeded your monthly included credits."}, QUOTA),
    ("GitHub: rate in a 403", 403, plain("API rate limit exceeded for user ID 1."), RATE),
]
OWN_SERVERS: list[Row] = [
    ("vLLM: key", 401, {"error": "Unauthorized"}, AUTH),
    (
        "vLLM: model",
        404,
        {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404},
        MODEL,
    ),
    ("vLLM: path", 404, {"detail": "Not Found"}, NOT_OPENAI),
    ("vLLM: method", 405, {"detail": "Method Not Allowed"}, NOT_OPENAI),
    ("Ollama: model", 404, openai_error('model "m" not found, try pulling it first', type="api_error"), MODEL),
    ("Ollama: path", 404, b"404 page not found", NOT_OPENAI),
    ("Ollama: its front page", 200, b"Ollama is running", NOT_OPENAI),
    ("LM Studio: path", 200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, NOT_OPENAI),
    (
        "LM Studio: model",
        404,
        error("No models loaded. Please load a model in the developer page.", type="invalid_request_error"),
        MODEL,
    ),
    ("llama.cpp: key", 401, error("Invalid API Key", code=401, type="authentication_error"), AUTH),
    ("llama.cpp: path", 404, error("File Not Found", code=404, type="not_found_error"), NOT_OPENAI),
    ("llama.cpp: loading", 503, error("Loading model", code=503, type="unavailable_error"), SERVICE),
    (
        "LiteLLM: key",
        401,
        error("Authentication Error, Invalid proxy server token passed.", type="token_not_found_in_db", code="401"),
        AUTH,
    ),
    (
        "LiteLLM: model",
        400,
        error("/chat/completions: Invalid model name passed in model=m. Call `/v1/models`", type="None", code="400"),
        MODEL,
    ),
    (
        "LiteLLM: team",
        401,
        error("team not allowed to access model.", type="team_model_access_denied", param="model", code="401"),
        PERMISSION,
    ),
    (
        "LiteLLM: budget",
        400,
        error("Budget has been exceeded! Current cost: 0.1, Max budget: 0.0", type="budget_exceeded"),
        QUOTA,
    ),
    ("LiteLLM: passed on", 500, error("litellm.AuthenticationError: OpenAIException - Incorrect API key provided: zz."), AUTH),
    ("TGI: busy", 429, {"error": "Model is overloaded", "error_type": "overloaded"}, RATE),
]
FRONTS: list[Row] = [
    ("nginx: not found", 404, page("404 Not Found"), NOT_OPENAI),
    ("nginx: bad gateway", 502, page("502 Bad Gateway"), SERVICE),
    ("nginx: http to https", 400, page("400 The plain HTTP request was sent to HTTPS port"), NOT_OPENAI),
    ("nginx: method", 405, page("405 Not Allowed"), NOT_OPENAI),
    ("nginx: rate", 429, page("429 Too Many Requests"), RATE),
    ("a firewall's page", 403, page("Attention Required!"), NOT_OPENAI),
    ("a page about models", 404, page("The model you want does not exist"), NOT_OPENAI),
    ("Go: http to https", 400, b"Client sent an HTTP request to an HTTPS server.\n", NOT_OPENAI),
    ("Envoy", 403, b"RBAC: access denied", PERMISSION),
    ("AWS: key", 403, plain("Forbidden"), PERMISSION),
    ("Kong: key", 401, plain("No API key found in request"), AUTH),
    ("timeout", 408, b"", TIMEOUT),
    ("gateway timeout", 504, b"", SERVICE),
    ("nothing, 401", 401, b"", AUTH),
    ("nothing, 403", 403, b"", PERMISSION),
    ("nothing, 404", 404, b"", NOT_OPENAI),
    ("nothing, 500", 500, b"", SERVICE),
    ("nothing, 400", 400, b"", NOT_OPENAI),
    ("nothing, 204", 204, b"", NOT_OPENAI),
    ("another 2xx", 202, {"choices": [{"message": {"content": "OK"}}]}, NOT_OPENAI),
    ("in a 200, as vLLM", 200, {"object": "error", "message": "The model `m` does not exist.", "code": 404}, MODEL),
    ("in a 200, as Anthropic", 200, {"type": "error", "message": "invalid x-api-key"}, AUTH),
    ("in a 200, with a code", 200, {"code": 1001, "msg": "无效的令牌"}, AUTH),
    ("in a 200, with a detail", 200, {"detail": "Too Many Requests"}, RATE),
    ("in a 200, in a list", 200, [error("Insufficient balance")], QUOTA),
    ("lists in lists in a 200", 200, b"[" * 900 + b"]" * 900, NOT_OPENAI),
    ("objects in objects", 400, b'{"error":' * 900 + b"1" + b"}" * 900, SERVICE),
    ("texts in texts", 400, error(json.dumps(error(json.dumps(error("Insufficient balance"))))), QUOTA),
    ("a number", 400, 7, SERVICE),
    ("null", 500, None, SERVICE),
    ("an empty list", 404, [], NOT_OPENAI),
    ("nested beyond reading", 400, b"[" * 100_000, NOT_OPENAI),
    (
        "FastAPI's fields",
        422,
        {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}]},
        SERVICE,
    ),
]
TABLES = {
    "OpenAI": OPENAI,
    "Azure": AZURE,
    "Anthropic": ANTHROPIC,
    "Google": GOOGLE,
    "China": CHINESE,
    "hosts": HOSTS,
    "own servers": OWN_SERVERS,
    "fronts": FRONTS,
}
ROWS = [(f"{table}: {case}", status, body, category) for table, rows in TABLES.items() for case, status, body, category in rows]
