"""Keys and passwords by the marks that their issuers give them: a hash, a UUID or a long word has none, and stays."""

import re
from collections.abc import Iterator

PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
TOKENS = (
    r"gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{36,}",
    r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|oas|imt|agent)-[\w-]{20,}",
    r"xox[abcdeprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{30,}",
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]{20,}",
    r"https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{30,}|[MNO][A-Za-z\d]{23,25}\.[\w-]{6}\.[\w-]{27,38}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,}",
    r"sk-(?:proj|ant|svcacct|admin|or-v1)-[\w-]{16,}|sk-[A-Za-z0-9]{16,}[\w-]*|hf_[A-Za-z]{34}",
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,}|sq0(?:atp|csp)-[\w-]{22,}",
    r"npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}",
    r"SG\.[\w-]{16,32}\.[\w-]{16,64}|SK[a-f0-9]{32}|[a-f0-9]{32}-us\d{1,2}|\d{8,10}:[\w-]{35}(?![\w-])",
    r"(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}",
)
"""In this order: GitHub; GitLab; Slack; Discord; AWS; Google; OpenAI and its like, Hugging Face; Stripe, Square; npm, PyPI;
SendGrid, Twilio, Mailchimp, Telegram; JWT."""
TOKEN = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(TOKENS)})")
NAMED = re.compile(
    r"aws_?secret_?(?:access_?)?key[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])|AccountKey=([A-Za-z0-9+/]{86}==)",
    re.IGNORECASE,
)
IN_ADDRESS = re.compile(r"://[^\s:/@]+:([^\s:/@{}<>()\[\]$%*\"']+)@")
NO_PASSWORD = re.compile(r"(?:my|your)?[-_]?(?:pass|passwd|password|pwd|pw|secret|token|x+|\.+)", re.IGNORECASE)
"""What an address in a manual has where the password goes."""


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Where private keys stand, also such as are cut off."""
    if "-----BEGIN" in text:
        yield from (hit.span() for hit in PRIVATE_KEY.finditer(text))


def secrets(text: str) -> Iterator[tuple[int, int]]:
    """Where keys, tokens and passwords stand."""
    yield from (hit.span() for hit in TOKEN.finditer(text))
    yield from (hit.span(hit.lastindex or 0) for hit in NAMED.finditer(text))
    if "://" in text:
        yield from (hit.span(1) for hit in IN_ADDRESS.finditer(text) if not NO_PASSWORD.fullmatch(hit[1]))
