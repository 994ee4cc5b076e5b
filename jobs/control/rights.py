"""Rights on one job are given and taken; and who may ask for a run with which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from jobs.control.audit import Actor, differing, record
from jobs.control.input import is_storable
from jobs.control.job import locked
from jobs.errors import Forbidden, Invalid
from jobs.models import Job, JobExecution, JobGroupPermission, JobUserPermission
from jobs.models.grant import WORDS, permissions
from jobs.models.rights import Right, has_right
from jobs.registry import find_task


def set_right(
    job_id: str,
    right: Right | None,
    *,
    user: str | None = None,
    group: str | None = None,
    requester: User | AnonymousUser,
    actor: Actor,
) -> None:
    """Give a user or a group, by name, this right on the job in place of the one that they hold
    on it; None takes that away. What they hold on all jobs stays.

    Takes the right to manage the job. Raises JobNotFound, Forbidden, or Invalid at `user` or
    `group`.
    """
    if (user is None) == (group is None):
        sentence = _("Name a user or a group, and only one of them.")
        raise Invalid({"user": [sentence], "group": [sentence]})
    kind, name = ("user", user) if user is not None else ("group", group or "")
    with transaction.atomic():
        job = locked(job_id)
        if not has_right(requester, "manage_job", job_id):
            sentence = _("Only who manages “%(id)s” may give and take rights on it.")
            raise Forbidden(sentence % {"id": job_id})
        grants: Any = (JobUserPermission if kind == "user" else JobGroupPermission).objects
        place = {"content_object": job, kind: _holder(kind, name)}
        held = grants.filter(**place)
        codenames = set(held.values_list("permission__codename", flat=True))
        before = next((one for one in reversed(WORDS) if one in codenames), None)
        if before == right:
            return
        held.delete()
        if right is not None:
            grants.create(permission=permissions().get(codename=right), **place)
        record(
            actor,
            "rights.change",
            job_id=job_id,
            target=f"{kind} {name}",
            before={"right": before and WORDS[before]},
            after={"right": right and WORDS[right]},
        )


def require_right_to_retry(user: User | AnonymousUser, execution: JobExecution) -> None:
    """As `require_right_to_run`, for the arguments of an earlier run; else anybody who may run
    the job could repeat what only a manager could ask for."""
    job = Job.objects.filter(pk=execution.job_id).first()
    if job is not None:
        require_right_to_run(user, job, args=execution.args, kwargs=execution.kwargs, force=False)


def require_right_to_run(
    user: User | AnonymousUser,
    job: Job,
    *,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    force: bool,
) -> None:
    """Raises Forbidden for what takes more than the right to run the job as it stands."""
    task = find_task(job.function)
    own = {"args": job.args, "kwargs": job.kwargs}
    is_other = differing(own, {"args": args, "kwargs": kwargs})
    is_open = not is_other or (task is not None and task.allow_kwargs_override)
    if (is_open and not force) or has_right(user, "manage_job", job.pk):
        return
    raise Forbidden(
        _("Only who manages “%(id)s” may force a run.") % {"id": job.pk}
        if force
        else _(
            "Only who manages “%(id)s” may run it with other arguments than its own, "
            "because %(function)s does not allow that."
        )
        % {"id": job.pk, "function": job.function}
    )


def _holder(kind: str, name: str) -> User | Group:
    """Whoever bears that name, kept from being deleted until the transaction ends; raises
    Invalid."""
    found: User | Group | None = None
    if is_storable(name):
        users = User.objects.filter(username=name)
        groups = Group.objects.filter(name=name)
        found = (users if kind == "user" else groups).select_for_update(no_key=True).first()
    if found is None:
        sentences = {
            "user": _("There is no user of this name. Capitals matter."),
            "group": _("There is no group of this name. Capitals matter."),
        }
        raise Invalid({kind: [sentences[kind]]})
    return found
