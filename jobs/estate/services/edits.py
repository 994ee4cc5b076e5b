"""What a program may change by hand: instances and policies, checked as the admin's forms do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from jobs.errors import Conflict, FieldErrors, Invalid
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.policy import PartitionPolicy
from jobs.estate.services.passwords import DESTINATION, STORED, take_passwords
from jobs.estate.services.policies import problems_of

UNIQUE_CODES = ("unique", "unique_together")
"""Of Django's errors that say that there is such a row already."""


class AlreadyThere(Conflict):
    """There is such a row already."""

    code = "already_exists"

    def __init__(self, errors: FieldErrors) -> None:
        sentences = [sentence for found in errors.values() for sentence in found]
        super().__init__(" ".join(sentences), errors=errors)


class ChangedMeanwhile(Conflict):
    """Somebody else wrote a row that this one cannot stand beside."""

    code = "changed_meanwhile"

    def __init__(self, row: Model) -> None:
        super().__init__(
            _("“%(row)s” was changed by somebody else meanwhile. Look at it and try again.")
            % {"row": row}
        )


@sensitive_variables()
def edit_instance(instance: DatabaseInstance, values: Mapping[str, Any]) -> list[str]:
    """Put the values on the row, which is yet to be saved; returns the names of the fields that
    are other than before. Raises Invalid or AlreadyThere, and then the row is good for nothing.

    An absent password is kept, "" removes it; see `take_passwords`.
    """
    stored = {field: getattr(instance, column) for field, column in STORED.items()}
    plain = {field: value for field, value in values.items() if field not in STORED}
    changed = _put(instance, plain)
    errors = take_passwords(
        instance,
        {field: values.get(field) for field in STORED},
        engine=instance.engine,
        change_username=instance.change_username,
        has_moved=not set(DESTINATION).isdisjoint(changed),
    )
    _check(instance, errors)
    given = [field for field in STORED if getattr(instance, STORED[field]) != stored[field]]
    return [*changed, *given]


def edit_policy(policy: PartitionPolicy, values: Mapping[str, Any]) -> list[str]:
    """The same for a policy; `instance` is the instance's name."""
    found = dict(values)
    errors = {}
    if "instance" in found:
        named = DatabaseInstance.objects.filter(name=found["instance"]).first()
        if named is None:
            errors["instance"] = _("There is no instance “%(name)s”.") % {"name": found["instance"]}
            del found["instance"]
        else:
            found["instance"] = named
    changed = _put(policy, found)
    errors |= problems_of(interval=policy.interval, step=policy.step, premake=policy.premake)
    _check(policy, errors)
    return changed


def save(row: Model) -> None:
    """Save what was edited. Raises ChangedMeanwhile."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ChangedMeanwhile(row) from None


def _put(row: Model, values: Mapping[str, Any]) -> list[str]:
    is_new = row._state.adding
    changed = []
    for field, value in values.items():
        if is_new or getattr(row, field) != value:
            changed.append(field)
        setattr(row, field, value)
    return changed


def _check(row: Model, problems: Mapping[str, str]) -> None:
    errors: dict[str, list[str]] = {field: [sentence] for field, sentence in problems.items()}
    are_invalid = bool(errors)
    try:
        # A field that has its sentence already needs no second one.
        row.full_clean(exclude={*errors} & {field.name for field in row._meta.get_fields()})
    except ValidationError as error:
        for field, found in error.error_dict.items():
            name = "body" if field == NON_FIELD_ERRORS else field
            errors.setdefault(name, ValidationError(found).messages)
            are_invalid = are_invalid or any(one.code not in UNIQUE_CODES for one in found)
    if errors:
        raise (Invalid if are_invalid else AlreadyThere)(errors)
