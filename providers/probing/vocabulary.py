"""What services call their failures, gathered from their documentation and their answers."""

import re

from providers.probing.results import Category

# Names that mean one thing wherever they come from. Bare numbers do not: each service counts its errors in its own way.
# In this order: where a body has several names, the category that is first here counts.
_NAMES: dict[Category, str] = {
    Category.QUOTA: """
        insufficient_quota insufficient_balance insufficient_credits insufficient_funds insufficient_user_quota
        insufficient_account_balance exceeded_current_quota_error billing_hard_limit_reached billing_not_active billing_error
        payment_required budget_exceeded arrearage accountoverdueerror overduebalance allocationquota.freetieronly
        prepaidbilloverdue pre_consume_token_quota_failed quota_exceeded quotaexceeded usage_limit_reached credits_exhausted
        minimax-1008 minimax-1028 minimax-1030 minimax-2056
    """,
    Category.RATE_LIMIT: """
        rate_limit_exceeded rate_limit_error rate_limit_reached_error rate_limited ratelimitexceeded rate_limit
        too_many_requests toomanyrequests throttled throttling throttling.ratequota throttling.allocationquota
        throttling.burstrate throttling.user limit_requests limit_burst_rate requestburst engine_overloaded_error
        minimax-1002 minimax-1039 minimax-1041
    """,
    Category.AUTHENTICATION: """
        invalid_api_key invalidapikey incorrect_api_key api_key_invalid api_key_expired authentication_error
        authenticationerror invalid_authentication_error autherror auth_error invalid_auth invalid_token token_not_found_in_db
        expired_key expired_token unauthenticated unauthorized missing_api_key no_api_key account_deactivated
        minimax-1004 minimax-2049
    """,
    Category.MODEL: """
        model_not_found modelnotfound model_not_available model_not_supported model_not_exist model_decommissioned
        model_not_loaded invalid_model deploymentnotfound deployment_not_found modelnotopen unknown_model
        invalidendpointormodel.notfound invalidendpointormodel.modelidaccessdisabled minimax-2061
    """,
    Category.PERMISSION: """
        permission_denied permissiondenied permission_error permissiondeniederror access_denied accessdenied
        accessdenied.unpurchased model.accessdenied workspace.accessdenied app.accessdenied forbidden missing_scope
        insufficient_permissions unsupported_country_region_territory team_model_access_denied key_model_access_denied
        user_model_access_denied org_model_access_denied access_terminated_error ip_not_authorized
    """,
    Category.NOT_OPENAI: "url.not_found unknown_url route_not_found method_not_allowed no_route",
    Category.SERVICE: "overloaded_error server_overloaded service_unavailable unavailable_error",
}
CATEGORY_OF_NAME = {name: category for category, names in reversed(_NAMES.items()) for name in names.split()}
ORDER = tuple(_NAMES)


def _any_of(*patterns: str) -> "re.Pattern[str]":
    return re.compile("|".join(patterns))


# Read in this order, because each may use words of the next: a bill that is due is no matter of permission.
WORDS: dict[Category, re.Pattern[str]] = {
    Category.QUOTA: _any_of(
        r"insufficient (account |user )?(balance|quota|credits?|funds)",
        r"\b(balance|credits?)\b.{0,40}\b(low|insufficient|exhausted)",
        r"not enough (balance|credits?|quota)",
        r"exceeded your current quota",
        r"\b(out of|no) credits\b",
        r"payment required",
        r"budget has been exceeded",
        r"free (tier|quota).{0,40}exhausted",
        r"in arrears|account.{0,20}overdue",
        r"usage limit reached",
        r"(package|subscription|plan).{0,20} expired",
        r"欠费|余额|充值",
        r"(额度|配额|账户|资源包).{0,6}(不足|用尽|用完|耗尽|停用)",
    ),
    Category.RATE_LIMIT: _any_of(
        r"rate[ _-]?limit",
        r"too many requests",
        r"(requests|tokens) per (second|minute|min|hour|day)",
        r"\b[rt]pm\b",
        r"throttl",
        r"频率|速率|限流|限速|并发|请求过[多快]",
    ),
    Category.AUTHENTICATION: _any_of(
        r"\b(invalid|incorrect|wrong|missing|malformed|bad|expired|unknown|no) (\w+ ){0,3}?"
        r"((x-)?(api|subscription)[ _-]?key|bearer|token|credentials|authentication)\b",
        r"\b(api|subscription)[ _-]?key\b.{0,40}\b(invalid|incorrect|not valid|not found|expired|missing|required)",
        r"\b(api|subscription)[ _-]?key\b.{0,40}\b(disabled|revoked|deleted)",
        r"authentication (fail|error|is required)",
        r"authenticate request|not authenticated|login fail",
        r"(令牌|密钥|(?<![a-z_])token(?![a-z])|api[ _-]?key|身份|鉴权|认证).{0,12}(无效|错误|失败|过期|有误|不正确|不存在|为空)",
        r"未提供令牌|无效的?令牌",
    ),
    Category.MODEL: _any_of(
        r"\bmodel\b.{0,80}(not|n't) (found|exist|available|supported|loaded|deployed|recognized)",
        r"\bmodel\b.{0,80}(decommissioned|unavailable|no longer (supported|available)|not currently available|is not a valid)",
        r"not (found|find)\b.{0,20}\bmodel\b",
        r"(invalid|unknown|unsupported|no such|not a valid) model",
        r"unable to access model",
        r"deployment\b.{0,60}(does not exist|not found)",
        r"no endpoints found for",
        r"模型.{0,80}(不存在|无可用|不可用|未找到|已下线|不支持|未开通)",
    ),
    Category.PERMISSION: _any_of(
        r"permission",
        r"not allowed to",
        r"access (\w+ ){0,3}denied",
        r"not have access|not authori[sz]ed|forbidden",
        r"(country|region|location).{0,40}not (supported|available|allowed)",
        r"权限|无权|禁止",
    ),
}
# There is a web server, but nothing of ours at this path.
WRONG_PATH = _any_of(
    r"^\W*(404\W*)?((page|path|route|resource|file|endpoint|url|api) )?not found(\W*404)?\W*$",
    r"invalid url|unknown (request )?url|unexpected endpoint",
    r"\bno (such )?(route|endpoint|handler)\b",
    r"(cannot|could not|can't) (post|get|route)\b",
    r"no static resource",
    r"\b(route|path|url|uri)\b.{0,80}not (found|exist)",
    r"method not allowed|404 page|没找到",
)
# What a model that is too busy says with a 5xx is no word about the model's name.
BUSY = _any_of(r"overload|busy|capacity|temporar|try again|loading|稍后|繁忙|过载")
ABOUT_A_MODEL = _any_of(r"model|deployment|endpoint|模型")
