"""What services call their failures, gathered from their documentation and their answers."""

import re

from providers.probing.results import Category

# Where a body has names of several categories, the category that is first here counts.
ORDER = (
    Category.QUOTA,
    Category.RATE_LIMIT,
    Category.AUTHENTICATION,
    Category.MODEL,
    Category.PERMISSION,
    Category.NOT_OPENAI,
    Category.SERVICE,
)
# Names that mean one thing wherever they come from. Bare numbers do not: each service counts its errors in its own way.
# Names are compared in lower case, with `_` for spaces and hyphens.
_TELLING: dict[Category, str] = {
    Category.QUOTA: """
        insufficient_quota insufficient_balance insufficient_credits insufficient_funds insufficient_user_quota
        insufficient_account_balance not_enough_balance exceeded_current_quota_error billing_hard_limit_reached billing_not_active
        billing_error payment_required budget_exceeded arrearage accountoverdueerror overduebalance allocationquota.freetieronly
        prepaidbilloverdue pre_consume_token_quota_failed quota_exceeded quotaexceeded usage_limit_reached credits_exhausted
        credit_limit creditserror minimax_1008 minimax_1028 minimax_1030 minimax_2056
    """,
    Category.RATE_LIMIT: """
        rate_limit_reached_error throttling.ratequota throttling.allocationquota throttling.burstrate throttling.user
        limit_requests limit_burst_rate requestburst engine_overloaded_error minimax_1002 minimax_1039 minimax_1041
    """,
    Category.AUTHENTICATION: """
        invalid_api_key invalidapikey incorrect_api_key api_key_invalid api_key_expired invalid_authentication_error
        invalid_auth invalid_token token_not_found_in_db expired_key expired_token missing_api_key no_api_key
        account_deactivated minimax_1004 minimax_2049
    """,
    Category.MODEL: """
        model_not_found modelnotfound model_not_available model_not_supported model_not_exist model_decommissioned
        model_not_loaded invalid_model deploymentnotfound deployment_not_found modelnotopen unknown_model operationnotsupported
        unsupported_api_for_model
        invalidendpointormodel.notfound invalidendpointormodel.modelidaccessdisabled minimax_2061
    """,
    Category.PERMISSION: """
        accessdenied.unpurchased model.accessdenied workspace.accessdenied app.accessdenied missing_scope
        insufficient_permissions unsupported_country_region_territory team_model_access_denied key_model_access_denied
        user_model_access_denied org_model_access_denied organization_restricted ip_not_authorized
    """,
    Category.NOT_OPENAI: "url.not_found unknown_url route_not_found method_not_allowed no_route",
    Category.SERVICE: "no_db_connection",
}
# Names that only say in letters what an HTTP status says. Services put them on everything that they answer with that status, so
# the words of the error count before them: a plan that has run out is called a `rate_limit_error`.
_GENERAL: dict[Category, str] = {
    Category.RATE_LIMIT: """
        rate_limit_exceeded rate_limit_error rate_limited ratelimitexceeded ratelimitreached rate_limit too_many_requests
        toomanyrequests throttled throttling
    """,
    Category.AUTHENTICATION: "authentication_error authenticationerror autherror auth_error unauthenticated unauthorized",
    Category.PERMISSION: """
        permission_denied permissiondenied permission_error permissiondeniederror access_denied accessdenied forbidden
        access_terminated_error
    """,
    Category.SERVICE: "overloaded_error server_overloaded service_unavailable unavailable_error",
}
TELLING_NAMES = {name: category for category, names in _TELLING.items() for name in names.split()}
GENERAL_NAMES = {name: category for category, names in _GENERAL.items() for name in names.split()}


def _any_of(*patterns: str) -> "re.Pattern[str]":
    return re.compile("|".join(patterns))


_MONEY = (
    r"insufficient (account |user )?(balance|quota|credits?|funds)",
    r"\b(balance|credits?)\b.{0,40}\b(low|insufficient|exhausted|depleted|used up)",
    r"not enough (balance|credits?|quota)",
    r"\b(out of|no) credits\b|requires more credits",
    r"n[o']t have any credits",
    r"used all (\w+ ){0,3}credits",
    r"exceeded (your|their|its) (\w+ ){0,2}(credits|budget)",
    r"budget has been exceeded|exceeded ?budget",
    r"payment required|no payment method|failure to pay|unpaid|past.due",
    r"in arrears|account.{0,20}overdue",
    r"(package|subscription|plan).{0,20} expired",
    r"欠费|余额|充值",
    r"(额度|配额|限额|账户|资源包|套餐|订阅|会员).{0,8}(不足|用尽|用完|耗尽|停用|到期|过期)",
)
_LIMIT = (
    r"\b(usage|spend(ing)?|credit|budget|billing|hard|inference|monthly|weekly|daily|key) (limits?|quotas?|caps?|allowance)\b"
)
_ALLOWANCE = (
    r"quota (is |was |has been )?(exceeded|exhausted|used up|reached)",
    r"\b(exceeded|exhausted|reached|used up) (your|the|its) (\w+ ){0,3}quota",
    rf"{_LIMIT}[^.;]{{0,40}}\b(reached|exceeded|exhausted|hit)\b",
    rf"\b(reached|reaching|exceeded|exhausted|hit)\b[^.;]{{0,60}}{_LIMIT}",
    r"free (tier|quota|usage|trial).{0,40}(exhausted|exceeded|used up|expired)",
    r"(使用|用量|额度|调用次数).{0,4}(上限|限额)|超(出|过).{0,4}(配额|额度|限额)",
)
# Money that is missing does not come back by itself, whatever else an error says about seconds and minutes.
MONEY = _any_of(*_MONEY)
# A quota by the minute is a rate limit by another name: it comes back while one waits, unless that of the day is used up as well.
# `limit: 0` means that this plan gives none at all.
BACK_SOON = _any_of(
    r"per[ _]?(second|minute)|\b(retry|try again|resets?) in \d{1,3}(\.\d+)? ?s|\bretry_in_\d{1,3}(\.\d+)?s\b",
    r"每分钟|每秒|并发|频率|速率",
)
NOT_BACK_SOON = _any_of(r"per[ _]?(day|week|month)|\blimit: 0\b")

# An account that is closed or a plan that lacks something: no status says otherwise.
BARRED = _any_of(
    r"\b(organi[sz]ation|account|team|workspace|project)\b[^.;]{0,40}\b(is|was|been) (\w+ )?"
    r"(disabled|restricted|suspended|locked|banned|deactivated)",
    r"(plan|subscription)\b.{0,20}(not|n't) (yet )?(include|cover)",
    r"(账户|账号|组织).{0,8}(锁定|封禁|禁用|冻结)",
    r"套餐.{0,6}(未|不).{0,4}(开放|包含|支持)",
)
# Read in this order, because each may use words of the next: a bill that is due is no matter of permission.
WORDS: dict[Category, re.Pattern[str]] = {
    Category.QUOTA: _any_of(*_MONEY, *_ALLOWANCE),
    Category.RATE_LIMIT: _any_of(
        r"rate[ _-]?limit",
        r"too many requests",
        r"(requests|tokens) per (second|minute|min|hour|day)",
        r"\b[rt]pm\b",
        r"throttl",
        r"频率|速率|限流|限速|并发|请求过[多快]",
    ),
    # A gateway without its database knows no key, and says so of every key: the key is not what is wrong.
    Category.SERVICE: _any_of(
        r"\bno connected db\b", r"\b(db|database)\b.{0,20}not connected|not connected to (the )?(db|database)\b"
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
        r"\bmodel\b.{0,80}(not|n't) (found|exist|available|accessible|supported|loaded|deployed|recognized)",
        r"\bmodel\b.{0,80}(decommissioned|unavailable|no longer (supported|available)|not currently available|is not a valid)",
        r"not (found|find)\b.{0,20}\bmodel\b",
        r"(invalid|unknown|unsupported|no such|not a valid) model",
        r"unable to access model",
        r"deployment\b.{0,60}(does not exist|not found)",
        r"no endpoints found for",
        # NVIDIA calls a model a function.
        r"function\b.{0,80}not found for account",
        # The model is there, but it is none to chat with.
        r"(does|do)(n't| not) support (the )?(chat|completions?|generate)\b(?! template)",
        r"not a chat model|only supported in v1/(responses|completions)",
        r"(operation|endpoint) does not work with the (specified )?model",
        r"模型.{0,80}(不存在|无可用|不可用|未找到|已下线|不支持|未开通)",
    ),
    Category.PERMISSION: _any_of(
        BARRED.pattern,
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
    r"^\W*(404\W*)?((page|path|route|resource|file|endpoint|url|api) )?not[ _]found(\W*404)?\W*$",
    r"invalid url|unknown (request )?url|unexpected endpoint",
    r"\bno (such )?(route|endpoint|handler)\b",
    r"(cannot|could not|can't) (post|get|route)\b",
    r"\b(route|path|url|uri)\b.{0,80}not (found|exist)",
    r"method not allowed|404 page|没找到",
)
# The same, said so clearly that it counts at any status: some frameworks answer a path that they do not know with a 500.
CLEARLY_WRONG_PATH = _any_of(
    r"^\W*404\W*(page )?not[ _]?found\W*$", r"no static resource", r"protocol: \S*chat/completions is not supported"
)
# What a model that is too busy says with a 5xx is no word about the model's name.
BUSY = _any_of(r"overload|busy|capacity|temporar|try again|loading|稍后|繁忙|过载")
ABOUT_A_MODEL = _any_of(r"model|deployment|endpoint|模型")
