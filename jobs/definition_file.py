"""`scheduler_tasks.yaml` as text: reading it strictly, and writing it. Knows no jobs.

Plain YAML only: no tags, anchors or aliases, no key twice, a bounded size and depth; a date
stays the text that it is. So a file means what it looks like, and cannot do harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from yaml.reader import Reader

from jobs.errors import FieldErrors, Invalid, SchedulerError

try:
    from yaml import CSafeLoader as BaseLoader
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as BaseLoader  # type: ignore[assignment]

ROOT_KEY = "default_tasks"
MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 500_000
TOO_DEEP = gettext_lazy("This is nested too deeply.")
MAX_DIGITS = 4000
"""Of a number; Python prints none of more than 4300 digits."""

MAX_PROBLEMS = 500
MAX_SENTENCE = 500

OTHER_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")


class FileUnreadable(SchedulerError):
    """There is no file, or it cannot be opened."""

    code = "definitions_unreadable"


class DefinitionsInvalid(Invalid):
    """The definitions were refused as a whole; `errors` holds every problem by its item."""

    code = "definitions_invalid"

    def __init__(self, path: Path, errors: FieldErrors) -> None:
        self.path = path
        kept = {
            printable(field): [printable(sentence) for sentence in sentences]
            for field, sentences in islice(errors.items(), MAX_PROBLEMS)
        }
        if len(errors) > len(kept):
            more = _("%(count)d more.") % {"count": len(errors) - len(kept)}
            kept["…"] = [more]
        self.problems = [f"{field}: {text}" for field, texts in kept.items() for text in texts]
        heading = ngettext(
            "The definitions of jobs in “%(path)s” were refused for a problem, "
            "and no job was changed.",
            "The definitions of jobs in “%(path)s” were refused for %(count)d problems, "
            "and no job was changed.",
            len(self.problems),
        ) % {"path": printable(str(path)), "count": len(self.problems)}
        self.heading = heading
        super().__init__(kept, " ".join([heading, *self.problems]))


def read(path: Path) -> str:
    """The file's text; raises FileUnreadable, or DefinitionsInvalid for what is no text."""
    try:
        if not path.is_file():  # asked first: opening a pipe would wait
            raise FileUnreadable(
                _("There is no file “%(path)s”.") % {"path": printable(str(path))}
                if not path.exists()
                else _("“%(path)s” is not a file.") % {"path": printable(str(path))}
            )
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise FileUnreadable(
            _("The file “%(path)s” cannot be read: %(error)s.")
            % {"path": printable(str(path)), "error": getattr(error, "strerror", None) or error}
        ) from error
    if len(content) > MAX_BYTES:
        sentence = _("The file is larger than %(most)d MiB.") % {"most": MAX_BYTES // 1024**2}
        raise DefinitionsInvalid(path, {_("file"): [sentence]})
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DefinitionsInvalid(
            path, {_line(line): [_("This is not UTF-8; save the file as UTF-8.")]}
        ) from None


def parse(text: str, path: Path) -> list[Any]:
    """What stands under `default_tasks`, unchecked; raises DefinitionsInvalid with the lines."""
    problems = dict(_syntax_problems(text))
    if problems:
        raise DefinitionsInvalid(path, problems)
    loader = _Loader(text)
    try:
        root = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise DefinitionsInvalid(path, dict([_explained(error, text)])) from None
    finally:
        loader.dispose()
    problems = loader.problems
    if not isinstance(root, dict):
        problems[_("file")] = [
            _("The file must hold the key “%(key)s” with a list of jobs.") % {"key": ROOT_KEY}
        ]
        raise DefinitionsInvalid(path, problems)
    for key in root.keys() - {ROOT_KEY}:
        problems[str(key)] = [
            _("There is no such key here; the file's only key is “%(key)s”.") % {"key": ROOT_KEY}
        ]
    items = root.get(ROOT_KEY)
    if not isinstance(items, list):
        problems[ROOT_KEY] = [
            _("This must be a list of jobs, each beginning with a dash and its id.")
        ]
    if problems or not isinstance(items, list):
        raise DefinitionsInvalid(path, problems)
    return items


def write(items: Sequence[Mapping[str, Any]], comments: Sequence[str] = ()) -> str:
    """The YAML text of items, which `parse` reads back as they are."""
    lines = [f"# {printable(comment)}\n" for comment in comments]
    body = yaml.dump(
        {ROOT_KEY: [dict(item) for item in items]},
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=100,
    )
    return "".join(lines) + body


def printable(text: str) -> str:
    """Fit for a terminal and a log: on one line, without control characters, not endless."""
    text = text if len(text) <= MAX_SENTENCE else f"{text[:MAX_SENTENCE]}…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def _line(number: int) -> str:
    return _("line %(number)d") % {"number": number}


def _syntax_problems(text: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong before any value is built, by line."""
    if bad := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        yield (
            _line(line),
            [_("The character %(char)s is not allowed in YAML.") % {"char": ascii(bad.group())}],
        )
        return
    depth = 0
    try:
        for count, event in enumerate(yaml.parse(text, Loader=BaseLoader)):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                yield (
                    _line(line),
                    [
                        _(
                            "Anchors (&) and aliases (*) are not allowed. "
                            "Put a text that begins with such a sign in quotes."
                        )
                    ],
                )
            elif tag := getattr(event, "tag", None):
                yield (
                    _line(line),
                    [_("The tag “%(tag)s” is not allowed; use plain values.") % {"tag": tag}],
                )
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                yield _line(line), [str(TOO_DEEP)]
                return
            if count > MAX_NODES:
                yield _line(line), [_("The file holds too many values, of which this is one.")]
                return
    except yaml.MarkedYAMLError as error:
        yield _explained(error, text)


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[str, list[str]]:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    if "nesting depth" in (error.problem or ""):  # newer versions of libyaml count for themselves
        return _line(line + 1), [str(TOO_DEEP)]
    around = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)[max(line - 1, 0) : line + 1]
    if any(re.match(r" *\t", found) for found in around):
        sentence = _("A line must be indented with spaces; there is a tab here or one line above.")
    else:
        sentence = _("This is not valid YAML: %(problem)s.") % {
            "problem": ", ".join(part for part in (error.context, error.problem) if part)
        }
        if any(re.search(r"[:-]\s+[*@%&!`?]", found) for found in around):
            sentence += " " + _("Put a text that begins with * or @ in quotes.")
    return _line(line + 1), [sentence]


class _Loader(BaseLoader):
    """The safe loader, but that a key given twice is a problem and a date stays a text."""

    yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in BaseLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: dict[str, list[str]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                self.problems.setdefault(_line(key_node.start_mark.line + 1), []).append(
                    _("The key “%(key)s” stands here twice.") % {"key": key}
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        is_int = node.tag == INT_TAG
        try:
            if len(node.value) > MAX_DIGITS:  # which takes quadratic time
                raise OverflowError
            value: int | float = (self.construct_yaml_int if is_int else self.construct_yaml_float)(
                node
            )
            str(value)
        except (ValueError, OverflowError):
            raise yaml.constructor.ConstructorError(
                None, None, _("a number that is too large"), node.start_mark
            ) from None
        return value


INT_TAG, FLOAT_TAG = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
for number_tag in (INT_TAG, FLOAT_TAG):
    _Loader.add_constructor(number_tag, _Loader.construct_number)


class _Dumper(yaml.SafeDumper):
    """Lists indented below their key, texts of several lines as blocks, and no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if OTHER_LINE_ENDS.search(text):
        style = '"'  # in the other styles they are not kept as they are
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
