"""`Idempotency-Key`: a request that is carried out once, however often it is sent."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from jobs.api.endpoint import RequestHeader
from jobs.api.view import ApiView
from jobs.control.once import KeyReused, Once
from jobs.errors import Invalid

KEY_PATTERN = r"[!-~]{1,255}"
REPLAYED_HEADER = "Idempotency-Replayed"

KEY = RequestHeader(
    name="Idempotency-Key",
    schema={"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    help="The same request of the same user, sent again with the same key, such as deploy-42, "
    "gets the first answer.",
    refusals=(KeyReused,),
)


def once_of(view: ApiView) -> Once | None:
    """The request under the key that came with it, None without one; raises Invalid."""
    key = view.request.headers.get(KEY.name)
    if key is None:
        return None
    if not re.fullmatch(KEY_PATTERN, key):
        raise Invalid({KEY.name: [_("Send 1 to 255 visible characters of ASCII.")]})
    match = view.request.resolver_match
    name = match.view_name if match else ""
    return Once.of(view.request.user.pk, key, [name, view.kwargs, view.json_object()])


def replayed_header(*, is_replayed: bool) -> dict[str, str]:
    return {REPLAYED_HEADER: "true"} if is_replayed else {}
