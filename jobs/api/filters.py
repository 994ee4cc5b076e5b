"""Filters of lists: what a query may ask for, by django-filter, with nothing overlooked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import Filter, FilterSet

from jobs.api.strict import MAX_ID
from jobs.errors import Invalid


class Filters(FilterSet):  # type: ignore[misc]  # django-filter has no types
    """The filters of one list. Those that are sent must make sense, and none is ignored."""

    filters: dict[str, Filter]

    def __init__(self, given: Mapping[str, str], rows: QuerySet[Any]) -> None:
        super().__init__(given, rows)
        # Only of what was sent is anything required.
        self.filters = {name: self.filters[name] for name in given}

    @classmethod
    def names(cls) -> list[str]:
        return list(cls.base_filters)

    @classmethod
    def of(cls, rows: QuerySet[Any], given: Mapping[str, str]) -> QuerySet[Any]:
        """Those of `rows` that are asked for; raises Invalid that names each bad parameter."""
        if not given:
            return rows
        filters = cls(given, rows)
        if not filters.is_valid():
            raise Invalid({name: list(found) for name, found in filters.errors.items()})
        found: QuerySet[Any] = filters.qs
        return found


class WordsField(forms.Field):
    def __init__(self, *, words: Collection[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    def to_python(self, value: Any) -> list[str]:
        found = str(value).split(",")
        sentence = _("“%(value)s” is not known; allowed are %(allowed)s.")
        for word in found:
            if word not in self.words:
                shown = {"value": word[:100], "allowed": ", ".join(self.words)}
                raise ValidationError(sentence % shown)
        if len(set(found)) < len(found):
            raise ValidationError(_("Give each word once."))
        return found


class MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                moment = timezone.make_aware(moment)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            sentence = _(
                "“%(value)s” is not a moment; write it as 2026-12-31, 2026-12-31T03:00:00 (in the "
                "zone %(zone)s) or 2026-12-31T03:00:00Z, and a + as %%2B."
            )
            zone = timezone.get_default_timezone_name()
            raise ValidationError(sentence % {"value": value[:100], "zone": zone}) from None


class Text(Filter):  # type: ignore[misc]  # as above, and so on
    """Exactly this text."""

    field_class = forms.CharField

    def __init__(self, field_name: str, *, max_length: int = 255, **kwargs: Any) -> None:
        kwargs = {"required": True, "strip": False, **kwargs}
        super().__init__(field_name, max_length=max_length, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(**{self.field_name: value})


class Words(Filter):  # type: ignore[misc]
    """One of these words, or several with commas between them."""

    field_class = WordsField

    def __init__(
        self, field_name: str, words: Collection[str], lookup_expr: str = "in", **kwargs: Any
    ) -> None:
        super().__init__(field_name, lookup_expr, required=True, words=list(words), **kwargs)


class AnyOf(Words):
    """Rows that meet the condition of at least one of the words."""

    def __init__(
        self, words: Collection[str], condition: Callable[[str], Q], **kwargs: Any
    ) -> None:
        super().__init__("pk", words, **kwargs)
        self.condition = condition

    def filter(self, qs: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        return qs.filter(reduce(or_, map(self.condition, value)))


class YesNo(Filter):  # type: ignore[misc]
    field_class = forms.TypedChoiceField
    choices = (("true", "true"), ("false", "false"))

    def __init__(self, field_name: str, lookup_expr: str = "exact", **kwargs: Any) -> None:
        sentence = gettext_lazy("“%(value)s” is not known; allowed are true, false.")
        super().__init__(
            field_name,
            lookup_expr,
            required=True,
            choices=self.choices,
            coerce=lambda value: value == "true",
            error_messages={"invalid_choice": sentence},
            **kwargs,
        )


class Id(Filter):  # type: ignore[misc]
    field_class = forms.IntegerField

    def __init__(self, field_name: str, **kwargs: Any) -> None:
        super().__init__(field_name, required=True, min_value=1, max_value=MAX_ID, **kwargs)


class Day(Filter):  # type: ignore[misc]
    field_class = forms.DateField

    def __init__(self, field_name: str, lookup_expr: str, **kwargs: Any) -> None:
        sentence = gettext_lazy("This is not a day; write it as 2026-12-31.")
        super().__init__(
            field_name,
            lookup_expr,
            required=True,
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": sentence},
            **kwargs,
        )


class Moment(Filter):  # type: ignore[misc]
    """A moment; one without an offset is in the server's zone."""

    field_class = MomentField

    def __init__(self, field_name: str, lookup_expr: str, **kwargs: Any) -> None:
        super().__init__(field_name, lookup_expr, required=True, **kwargs)
