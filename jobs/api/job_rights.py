"""Rights on one job: who holds which, and to give and take them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.job import JobScoped
from jobs.api.page import PageMeta
from jobs.api.paging import PageQuery, page_meta, stretch_of
from jobs.api.strict import Choice, Strict, Text
from jobs.control.rights import set_right
from jobs.errors import NotFound
from jobs.models.grant import WORDS, Grant, grants_on
from jobs.models.rights import Right

RIGHTS = {word: right for right, word in WORDS.items()}


class GrantSerializer(serializers.Serializer[Any]):
    """Of `user` and `group` one is null. `right` is the highest that they hold on this job
    alone, which contains the lower ones; null for none."""

    user = serializers.CharField(allow_null=True)
    group = serializers.CharField(allow_null=True)
    right = serializers.ChoiceField(list(RIGHTS), allow_null=True)


class GrantBody(Strict):
    user = Text(
        required=False, allow_null=True, trim_whitespace=False, help_text=gettext_lazy("By name.")
    )
    group = Text(
        required=False, allow_null=True, trim_whitespace=False, help_text=gettext_lazy("By name.")
    )
    right = Choice(
        list(RIGHTS),
        allow_null=True,
        help_text=gettext_lazy("In place of the one that they hold; null takes it away."),
    )


class JobRights(JobScoped):
    rights = {"GET": "manage_job", "PUT": "manage_job"}

    @Endpoint(query=PageQuery, shows=[GrantSerializer], meta=PageMeta, raises=(NotFound,))
    def get(self, request: Request, job_id: str) -> Answer:
        """List who holds which right on this job alone.

        Rights on all jobs, which Django's groups and users hold, are not among them.
        """
        self.job(job_id)
        query = self.query()
        grants = grants_on(job_id)
        offset, limit = stretch_of(query)
        rows = [_shown(grant) for grant in grants[offset : offset + limit]]
        return Answer(rows, meta=page_meta(query, len(grants)))

    @Endpoint(action="rights.change", body=GrantBody, shows=GrantSerializer)
    def put(self, request: Request, job_id: str) -> Answer:
        """Give a user or a group a right on this job, or take it away.

        Once more is no error.
        """
        self.job(job_id)
        body = self.body()
        holder = {kind: body.get(kind) for kind in ("user", "group")}
        right = RIGHTS.get(body["right"])
        set_right(job_id, right, **holder, requester=request.user, actor=self.actor)
        name = holder["user"] or holder["group"] or ""
        return Answer({**holder, "right": body["right"]}, _said(name, right))


def _shown(grant: Grant) -> dict[str, str | None]:
    return {"user": None, "group": None, grant.kind: grant.name, "right": WORDS[grant.right]}


def _said(name: str, right: Right | None) -> str:
    sentences: dict[Right | None, str] = {
        "view_job": _("“%(name)s” may view this job."),
        "run_job": _("“%(name)s” may view and run this job."),
        "manage_job": _("“%(name)s” may view, run and manage this job."),
        None: _("“%(name)s” holds no right on this job alone."),
    }
    return sentences[right] % {"name": name}
