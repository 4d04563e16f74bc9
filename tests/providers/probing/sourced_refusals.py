"""How services say that a model, an account or an address is not what it should be. Each row names its source."""

from tests.providers.probing.sources import Refusal
from tests.providers.probing.vendor_errors import AUTH, MODEL, NOT_OPENAI, PERMISSION, SERVICE, error, plain
from tests.vendor.behaviours import openai_error

ZHIPU = "https://docs.bigmodel.cn/cn/api/api-code"
OPERATION = (
    "The chatCompletion operation does not work with the specified model, text-embedding-3-large. Please choose different model"
    " and try again. You can learn more about which models can be used with each operation here: https://go.microsoft.com."
)
NO_FUNCTION = "Function '23d4f03a-b8a6-4adb-a183-7daa083a09cc': Not found for account 'a'"
RESPONSES_ONLY = "This model is only supported in v1/responses and not in v1/chat/completions."
NO_CHAT_MODEL = (
    "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?"
)
RESTRICTED = "Organization has been restricted. Please reach out to support if you believe this was in error."
DENIED = (
    "Access to the chat endpoint is denied. Please ensure you're using the correct credentials. If you believe this is a"
    " mistake, please log into console.x.ai and update the permissions, or contact support."
)
LEGACY = "Unsupported legacy protocol: /v1/chat/completions is not supported. Please use /v1/responses."
BAD_PATH = {"timestamp": "2026-06-23T16:25:06.732+00:00", "status": 404, "error": "Not Found", "path": "/v4/v1/chat/completions"}

# The model is not there, or it is none to chat with.
MODELS = [
    Refusal(
        "Ollama: embeddings",
        400,
        openai_error('"embeddinggemma" does not support chat'),
        MODEL,
        "made up after ollama/ollama#12182, which says so of `generate`",
    ),
    Refusal("Ollama: generate", 400, openai_error('"embeddinggemma" does not support generate'), MODEL, "ollama/ollama#12182"),
    Refusal(
        "Ollama: embeddings, of old",
        400,
        openai_error("embedding models do not support chat"),
        MODEL,
        "sugarforever/chat-ollama#59",
    ),
    Refusal("Azure: embeddings", 400, error(OPERATION, code="OperationNotSupported"), MODEL, "microsoft/graphrag#1557"),
    Refusal("Azure: in words alone", 400, error(OPERATION), MODEL, "langchain-ai/langchain#6363"),
    Refusal(
        "vLLM: no template",
        400,
        plain("The model does not support Chat Completions API", object="error", type="BadRequestError", param=None, code=400),
        MODEL,
        "QwenLM/Qwen3-VL#988",
    ),
    Refusal(
        "NVIDIA: retired",
        404,
        {"status": 404, "title": "Not Found", "detail": NO_FUNCTION},
        MODEL,
        "Alishahryar1/free-claude-code#1021",
    ),
    Refusal(
        "DashScope: not in this mode",
        404,
        openai_error("Unsupported model `gpt-4-turbo` for OpenAI compatibility mode.", code="model_not_supported"),
        MODEL,
        "langchain-ai/opengpts#352",
    ),
    Refusal("OpenAI: responses", 404, openai_error(RESPONSES_ONLY, param="model"), MODEL, "alvinunreal/tmuxai#82"),
    Refusal("OpenAI: responses, 400", 400, error(RESPONSES_ONLY), MODEL, "HeyPuter/puter#1303"),
    Refusal("OpenAI: no chat model", 404, openai_error(NO_CHAT_MODEL, param="model"), MODEL, "tingly-dev/tingly-box#233"),
    Refusal("OpenAI: no chat model, 400", 400, error(NO_CHAT_MODEL), MODEL, "egoist/chatwise-releases#1256"),
    Refusal(
        "Copilot: responses",
        400,
        error("model gpt-5.3-codex is not accessible via the /chat/completions endpoint", code="unsupported_api_for_model"),
        MODEL,
        "caozhiyuan/copilot-api#102",
    ),
    Refusal(
        "Codex: by the account",
        400,
        {"detail": "The 'gpt-5.1-codex' model is not supported when using Codex with a ChatGPT account."},
        MODEL,
        "openai/codex#6603",
    ),
    Refusal(
        "Ark: model",
        404,
        error("The model or endpoint doubao-embedding-large-text-240915 does not exist or you do not have access to it"),
        MODEL,
        "volcengine/MineContext#328",
    ),
    Refusal("Zhipu: model", 400, error("模型不存在，请检查模型代码", code="1211"), MODEL, ZHIPU),
]
# The key is known, but the account is closed, or its plan lacks this.
ACCOUNTS = [
    Refusal(
        "Groq: restricted",
        400,
        error(RESTRICTED, type="invalid_request_error", code="organization_restricted"),
        PERMISSION,
        "songquanpeng/one-api#1764",
    ),
    Refusal("Groq: in words alone", 400, plain(f"status code 400: {RESTRICTED}"), PERMISSION, "songquanpeng/one-api#1764"),
    Refusal(
        "Anthropic: disabled",
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "This organization has been disabled."},
            "request_id": "req_1",
        },
        PERMISSION,
        "anthropics/claude-code#72457",
    ),
    Refusal("Zhipu: locked", 429, error("账户存违规行为，账号已被锁定", code="1121"), PERMISSION, ZHIPU),
    Refusal("Zhipu: plan", 429, error("当前订阅套餐暂未开放glm-5权限", code="1311"), PERMISSION, ZHIPU),
    Refusal("Zhipu: permission", 403, error("您无权访问 glm-zero", code="1220"), PERMISSION, ZHIPU),
    Refusal("xAI: denied", 403, {"code": "permission-denied", "error": DENIED}, PERMISSION, "Wei-Shaw/sub2api#4084"),
    Refusal(
        "NVIDIA: forbidden",
        403,
        {"status": 403, "title": "Forbidden", "detail": "Authorization failed"},
        PERMISSION,
        "dmMaze/BallonsTranslator#1233",
    ),
]
# Something answers, but there is no chat at this path.
ADDRESSES = [
    Refusal(
        "Zhipu: path, 500",
        500,
        {"code": 500, "msg": "404 NOT_FOUND", "success": False},
        NOT_OPENAI,
        "made up after Gitlawb/openclaude#214: its status with the body that the same path gives inside HTTP 200",
    ),
    Refusal(
        "Zhipu: path, passed on",
        500,
        error("404 NOT_FOUND", code="500"),
        NOT_OPENAI,
        "Gitlawb/openclaude#214",
    ),
    Refusal(
        "Zhipu: path, in a 200",
        200,
        {"code": 500, "msg": "404 NOT_FOUND", "success": False},
        NOT_OPENAI,
        "made up after Gitlawb/openclaude#214, in the envelope that public tests of other clients have it in",
    ),
    Refusal("Zhipu: path, 404", 404, BAD_PATH, NOT_OPENAI, "iOfficeAI/AionUi#3408"),
    Refusal("NVIDIA: path", 404, b"404 page not found", NOT_OPENAI, "Hmbown/Codewhale#1482"),
    Refusal("FastAPI: path", 404, {"detail": "Not Found"}, NOT_OPENAI, "PaddlePaddle/PaddleNLP#5345"),
    Refusal("sub2api: responses only", 400, openai_error(LEGACY), NOT_OPENAI, "Wei-Shaw/sub2api#885"),
    Refusal(
        "Spring: path, 500",
        500,
        {"code": 500, "msg": "No static resource v1/chat/completions."},
        NOT_OPENAI,
        "made up after Spring's NoResourceFoundException, in the envelope that Zhipu uses",
    ),
]
# The service is not well; the key is not what is wrong.
STATES = [
    Refusal(
        "LiteLLM: no database",
        400,
        error("No connected db.", type="no_db_connection", param=None, code="400"),
        SERVICE,
        "BerriAI/litellm#20837",
    ),
    Refusal(
        "LiteLLM: no database, 401",
        401,
        error("Authentication Error, No connected db.", type="auth_error", param="None", code=401),
        SERVICE,
        "BerriAI/litellm#4880",
    ),
    Refusal(
        "LiteLLM: no database, 500",
        500,
        error("{'error': 'DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys'}"),
        SERVICE,
        "BerriAI/litellm#30328",
    ),
    Refusal(
        "Zhipu: call failed", 500, error("API 调用失败", code="1200"), SERVICE, "https://docs.bigmodel.cn/cn/faq/api-code.md"
    ),
    Refusal("Zhipu: key", 401, error("身份验证失败", code="1000"), AUTH, ZHIPU),
]
REFUSALS = [*MODELS, *ACCOUNTS, *ADDRESSES, *STATES]
