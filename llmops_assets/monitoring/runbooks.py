"""What to do when an alert fires: one short page an alert, with the commands to type."""

from dataclasses import dataclass

STATUS = "`llmops status {product}`"


@dataclass(frozen=True)
class Runbook:
    """What an alert means, what to look at first, and what ends it."""

    meaning: str
    checks: tuple[str, ...]
    remedies: tuple[str, ...]


ROLL_BACK = (
    "A release younger than a day is the first suspect. Put the previous one back: "
    '`llmops rollback {product} --reason "..."`; that version is not deployed again.'
)
RETRAIN = "Then `llmops run {product}` trains, judges and deploys again; a red gate keeps the old release serving."

RUNBOOKS: dict[str, Runbook] = {
    "ModelDown": Runbook(
        "No release of {product} is loaded, or nobody can scrape the exporter. Customers get 503.",
        (
            f"{STATUS}: does the model server answer, and which release is in production?",
            "Is the exporter there? `curl -s http://<gateway>/metrics | grep llmops_model_loaded`",
            "Did the machine run out of memory? `dmesg | grep -i oom`",
        ),
        (
            "Start the model server again; the gateway reports 503 until the model is warm, then 200.",
            ROLL_BACK,
            "If the model's file is damaged: `llmops run {product} --stage deployment` puts a new one.",
        ),
    ),
    "HighErrorRate": Runbook(
        "More requests than allowed end in a 5xx, over five minutes and with enough requests to tell.",
        (
            f"{STATUS}: what changed, and when?",
            "Which status is it? 504: the model is too slow. 503: not loaded. 500: read the gateway's log.",
        ),
        (ROLL_BACK, "If it is 504 alone, go on with the page of HighLatency."),
    ),
    "ErrorBudgetBurnFast": Runbook(
        "At this rate the month's allowance of failures is gone within days. It is worse than a short spike: "
        "a long and a short window agree.",
        (f"{STATUS}", "The panel 'Failed requests' shows when it began; compare with the last release."),
        (ROLL_BACK, "If no release is near, look at the machine: memory, disk, neighbours."),
    ),
    "ErrorBudgetBurnSlow": Runbook(
        "A small share of requests has failed for hours. Nobody has to get up; somebody has to look today.",
        ("Which endpoint and status? The panel 'Requests by status' tells.", f"{STATUS}"),
        ("Mend the cause, or agree on another objective: `monitoring.slo.objective` in the recipe.",),
    ),
    "HighLatency": Runbook(
        "One request in twenty takes longer than the recipe allows.",
        (
            "Is it traffic (panel 'Requests by status') or length (panel 'Tokens')?",
            "Does something else use the machine's cores? `top`",
            f"{STATUS}: what was released, and when?",
        ),
        (
            "Give the server more slots or cores.",
            ROLL_BACK,
        ),
    ),
    "QualityDrift": Runbook(
        "Too few of the last verdicts (right form, not cut, ratings) on the loaded release are good.",
        (
            "Form or ratings? Compare `llmops_format_valid_total` with `llmops_feedback_total`.",
            "Has the traffic changed? See the panel 'Drift'.",
        ),
        (
            ROLL_BACK,
            "If the traffic has changed, review failing requests into the data.",
            RETRAIN,
        ),
    ),
    "DriftHigh": Runbook(
        "Requests or answers no longer look like those the release was judged on, in the named column. "
        "The evaluation's promise may not hold for them.",
        (
            "The drift report names the column, the test, both distributions and the asset to make again.",
            "A prompt column: customers ask other things. An answer column: the model answers otherwise. "
            "Latency: the machine.",
        ),
        (
            "If the new traffic is legitimate, add examples to the product's data, reviewed by a person.",
            RETRAIN,
            "If it is one customer's misuse, talk to the customer; train nothing.",
        ),
    ),
    "DriftUnmeasured": Runbook(
        "No drift report for a day: 'no drift' now only means that nobody looked.",
        ("Does the drift schedule run? The UI lists its last ticks.", f"{STATUS}"),
        ("`llmops run {product} --stage monitoring` measures at once.",),
    ),
    "AnswersTruncated": Runbook(
        "Answers end at a token or context limit. A cut JSON answer is of no use to anybody.",
        ("Are prompts longer than before? See the panel 'Drift', column prompt_chars.", f"{STATUS}"),
        (
            "Raise the token or context limit in the recipe, then `llmops run {product} --stage deployment`.",
            "If the model does not stop by itself, it is a training fault: roll back. " + ROLL_BACK,
        ),
    ),
    "NoRequests": Runbook(
        "The model is up and nobody asks. Either nobody wants to, or nobody can.",
        (
            "Ask it yourself through the public address, not on the machine.",
            "Is anybody turned away? The panel 'Requests by status' shows 413, 422 and 429.",
        ),
        (
            "Mend the way to the gateway: name, certificate, proxy, firewall.",
            "If silence is normal at this hour, raise `monitoring.thresholds.no_request_minutes`.",
        ),
    ),
}


def runbook_markdown(alert: str, product: str) -> str:
    """One alert's page for one product.

    Raises:
        KeyError: no rule has that name.
    """
    page = RUNBOOKS[alert]
    lines = [
        f"# {alert}: {{product}}",
        "",
        page.meaning,
        "",
        "## Look",
        "",
        *(f"{number}. {check}" for number, check in enumerate(page.checks, 1)),
        "",
        "## Act",
        "",
        *(f"{number}. {remedy}" for number, remedy in enumerate(page.remedies, 1)),
        "",
        "## Afterwards",
        "",
        "The incident closes by itself when the alert resolves. Write what happened into its file.",
    ]
    return "\n".join(lines).replace("{product}", product) + "\n"
