"""The review as a local page: offered records, each with its turns to edit and three verdicts. Works without scripts."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from llmops_assets.curation.records import Record
from llmops_assets.curation.reviewing import Offer, add_decision, decision_from, offers, read_decisions

SHOWN = 10
"""So many records a page."""


@dataclass
class Review:
    """A review of one product's cleaned records.

    Attributes:
        product: whose.
        records: what curation kept.
        file: where decisions go.
        token: has to come with each decision: another site's page in the same browser cannot know it.
    """

    product: str
    records: Sequence[Record]
    file: Path
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def open_offers(self) -> list[Offer]:
        """What is left to look at."""
        return offers(self.records, read_decisions(self.file))

    def decide(self, form: "dict[str, Any]") -> None:
        """Writes the decision that a form holds.

        Raises:
            ValueError: the token, the record or the decision is not one.
        """
        if not secrets.compare_digest(str(form.get("token", "")), self.token):
            raise ValueError("expected the form of this page, got another; load the page again")
        content = str(form.get("content", ""))
        record = next((record for record in self.records if record.content_hash == content), None)
        if record is None:
            raise ValueError("expected a record of this review, got another; load the page again")
        texts = [text.replace("\r\n", "\n") for text in form.get("turns", [])]
        if form.get("verdict") == "edit" and (len(texts) != len(record.messages) or texts == record.texts):
            raise ValueError("expected turns that were edited, got them as they were")
        if form.get("verdict") == "edit" and not all(text.strip() for text in texts):
            raise ValueError("expected words in every turn, got a blank one; reject the record if it has no answer")
        messages = record.with_texts(texts).messages if form.get("verdict") == "edit" else ()
        add_decision(self.file, decision_from({**form, "messages": messages}))


def review_app(review: Review) -> Any:
    """The page and the place that takes decisions, as a FastAPI app."""
    from fastapi import FastAPI, Request
    from fastapi.responses import HTMLResponse, RedirectResponse, Response
    from jinja2 import Environment, PackageLoader, StrictUndefined

    app = FastAPI(title=f"Review of {review.product}", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Environment(loader=PackageLoader("llmops_assets.curation"), autoescape=True, undefined=StrictUndefined)

    def page(error: str = "", by: str = "") -> str:
        left = review.open_offers()
        return pages.get_template("review.html").render(
            product=review.product,
            left=len(left),
            done=len(read_decisions(review.file)),
            file=review.file,
            shown=left[:SHOWN],
            token=review.token,
            error=error,
            by=by,
        )

    @app.get("/")
    def show(by: str = "") -> HTMLResponse:
        return HTMLResponse(page(by=by))

    @app.post("/decide")
    async def take(request: Request) -> Response:
        sent = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        form: dict[str, Any] = {name: values[0] for name, values in sent.items()}
        try:
            review.decide({**form, "turns": sent.get("turn", [])})
        except ValueError as error:
            return HTMLResponse(page(str(error), form.get("by", "")), status_code=400)
        return RedirectResponse(f"/?{urlencode({'by': form.get('by', '')})}", status_code=303)

    return app
