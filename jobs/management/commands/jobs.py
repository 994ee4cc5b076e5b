"""`manage.py jobs`: jobs and their runs, for a person at a terminal."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils.translation import gettext as _

from jobs.api.execution_filters import ExecutionFilters
from jobs.api.execution_serializers import (
    ExecutionDetailSerializer,
    ExecutionSerializer,
    LogLineSerializer,
    summaries,
)
from jobs.api.job_filters import JobFilters
from jobs.api.job_serializers import JobDetailSerializer, JobSerializer
from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.control.audit import refusals_recorded, system_actor
from jobs.errors import Invalid
from jobs.escaping import harmless
from jobs.executions.database import database_now
from jobs.executions.job_rows import job_rows
from jobs.management.asked import asked_kwargs, asked_moment
from jobs.management.ends import End, known_execution, known_job, one_line_errors, unknown_job
from jobs.management.execution_tables import execution_table, log_head, log_line
from jobs.management.follow import Follower
from jobs.management.job_tables import job_page, job_table
from jobs.management.terminal import standard_output
from jobs.models import ExecutionLog, Job, JobExecution
from jobs.wording import when

AT_ONCE = 500
MOST_LISTED = 10_000
JOB_FILTERS = ("state", "function", "trigger_type", "executor", "is_builtin", "q")
EXECUTION_FILTERS = ("job", "status", "source", "function", "executor", "requested_by")

EXIT_CODES = """\
exit codes:
  0    done; with --wait or --follow: the run succeeded
  1    the run ended otherwise
  2    what was asked for makes no sense, or there is no such job or execution
  3    settings, database or migrations are not as they should be, or the output
       cannot be written
  4    refused: the job is busy or broken, or that is not allowed
  130  Ctrl-C; a run that was watched goes on
  141  nobody reads the output any more, as after `| head`
"""


class Command(BaseCommand):
    help = "See jobs and their runs, run, pause and switch them. Each verb has its own --help."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXIT_CODES
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

        def verb(name: str, does: str, *, has_json: bool = True) -> ArgumentParser:
            found: ArgumentParser = verbs.add_parser(name, help=does, description=does)
            if has_json:
                found.add_argument("--json", action="store_true", help="One JSON document.")
            return found

        def of_job(name: str, does: str) -> ArgumentParser:
            found = verb(name, does)
            found.add_argument("job", metavar="JOB", help="The job's id.")
            return found

        _add_list_arguments(verb("list", "List jobs."))
        of_job("show", "Show a job, what comes and what was.")
        _add_run_arguments(of_job("run", "Run a job now; its schedule stays as it is."))
        pause = of_job("pause", "Hold a job, until it is resumed or until a moment.")
        pause.add_argument("--until", help="2026-12-31T03:00, or a span from now such as 2h.")
        of_job("resume", "End the pause of a job. What was due meanwhile is not run.")
        of_job("enable", "Switch a job on. What was due meanwhile is not run.")
        of_job("disable", "Switch a job off for good.")
        _add_history_arguments(verb("history", "List executions, the newest first."))
        logs = verb("logs", "Print the log of an execution.")
        logs.add_argument("execution", metavar="EXECUTION", type=int, help="Its number.")
        logs.add_argument("--follow", action="store_true", help="On, until it has ended.")
        cancel = verb("cancel", "Cancel an execution that waits or runs.")
        cancel.add_argument("execution", metavar="EXECUTION", type=int, help="Its number.")
        export = verb("export", "Write the YAML file of all jobs.", has_json=False)
        export.add_argument("file", nargs="?", help="Without it, to standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.terminal = standard_output(options)
        with one_line_errors():
            end = getattr(self, f"do_{options['verb']}")(options)
        if end:
            raise SystemExit(int(end))

    def do_list(self, options: dict[str, Any]) -> None:
        rows = JobFilters.of(Job.objects.with_next_run(), _given(options, JOB_FILTERS))
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        chunks = (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
        jobs = [job for chunk in chunks for job in job_rows(chunk)]
        if options["json"]:
            self.terminal.document(JobSerializer(jobs, many=True).data)
        elif jobs:
            job_table(self.terminal, jobs)
        else:
            self.stderr.write(_("No job is like that."))

    def do_show(self, options: dict[str, Any]) -> None:
        self.show(known_job(options["job"]), is_json=options["json"])

    def do_run(self, options: dict[str, Any]) -> End | None:
        if options["json"] and options["follow"]:
            sentence = _("--json writes one document, so it goes not with --follow; use --wait.")
            raise Invalid({"json": [sentence]}, sentence)
        job = known_job(options["job"])
        kwargs = asked_kwargs(job, options["kwargs"], options["arg"])
        actor = system_actor()
        with refusals_recorded(actor, "job.run", job_id=job.pk):
            queued = execution_control.run_now(
                job.pk, actor=actor, kwargs=kwargs, force=options["force"]
            )
        if not (options["wait"] or options["follow"]):
            self.tell_queued(queued, is_json=options["json"])
            return None
        if not options["json"]:
            self.terminal.say(_queued(queued))
        return self.follow(queued, shows_log=options["follow"], is_json=options["json"])

    def do_pause(self, options: dict[str, Any]) -> None:
        until = asked_moment("until", options["until"], ahead=True)
        message = _("The job “%(id)s” is paused.")
        if until is not None:
            message = _("The job “%(id)s” is paused until %(until)s.")
        shown = when(until) if until else ""
        self.change("pause", options, message, until=until, shown=shown)

    def do_resume(self, options: dict[str, Any]) -> None:
        self.change("resume", options, _("The job “%(id)s” goes on."))

    def do_enable(self, options: dict[str, Any]) -> None:
        self.change("enable", options, _("The job “%(id)s” is enabled."))

    def do_disable(self, options: dict[str, Any]) -> None:
        self.change("disable", options, _("The job “%(id)s” is disabled."))

    def do_history(self, options: dict[str, Any]) -> None:
        given = _given(options, EXECUTION_FILTERS)
        for name in ("since", "until"):
            if (moment := asked_moment(name, options[name])) is not None:
                given[name] = moment.isoformat()
        if not 1 <= options["limit"] <= MOST_LISTED:
            sentence = _("--limit is a number from 1 to %(most)d.") % {"most": MOST_LISTED}
            raise Invalid({"limit": [sentence]}, sentence)
        rows = ExecutionFilters.of(summaries(JobExecution.objects.all()), given)
        found = list(rows[: options["limit"]])
        job_id = options["job"]
        if not found and job_id is not None and not Job.objects.filter(pk=job_id).exists():
            raise unknown_job(job_id)
        if options["json"]:
            self.terminal.document(ExecutionSerializer(found, many=True).data)
        elif found:
            execution_table(self.terminal, found, now=database_now())
        else:
            self.stderr.write(_("No execution is like that."))

    def do_logs(self, options: dict[str, Any]) -> End | None:
        execution = known_execution(options["execution"])
        if options["follow"] and options["json"]:
            sentence = _("--json writes one document, so it goes not with --follow.")
            raise Invalid({"json": [sentence]}, sentence)
        if options["follow"]:
            self.terminal.say(log_head(execution))
            return self.follow(execution, shows_log=True)
        lines = ExecutionLog.objects.filter(execution_id=execution.pk).order_by("pk")
        if options["json"]:
            self.terminal.document(LogLineSerializer(lines, many=True).data)
            return None
        self.terminal.say(log_head(execution))
        for line in lines.iterator():
            self.terminal.say(log_line(line))
        return None

    def do_cancel(self, options: dict[str, Any]) -> None:
        execution = known_execution(options["execution"])
        actor, job_id = system_actor(), execution.job_id or ""
        with refusals_recorded(actor, "execution.cancel", job_id=job_id, target=f"#{execution.pk}"):
            cancelled = execution_control.cancel(execution.pk, actor=actor)
        if options["json"]:
            self.terminal.document(ExecutionDetailSerializer(cancelled).data)
            return
        message = (
            _("Execution %(id)s is cancelled.")
            if cancelled.is_finished
            else _("Execution %(id)s is asked to end; it does at its next check.")
        )
        self.terminal.say(message % {"id": cancelled.pk})

    def do_export(self, options: dict[str, Any]) -> None:
        files = [options["file"]] if options["file"] else []
        call_command("exporttasks", *files, stdout=self.stdout, stderr=self.stderr)

    def show(self, job: Job, *, is_json: bool) -> None:
        """The job as it stands now."""
        found = job_rows([job.pk])
        if not found:  # deleted meanwhile
            raise unknown_job(job.pk)
        (shown,) = found
        serializer = JobDetailSerializer(shown)
        if is_json:
            self.terminal.document(serializer.data)
            return
        upcoming = serializer.get_next_occurrences(shown)
        executions = list(summaries(JobExecution.objects.filter(job_id=job.pk))[:10])
        job_page(self.terminal, shown, upcoming, executions)

    def change(
        self, action: str, options: dict[str, Any], message: str, shown: str = "", **values: Any
    ) -> None:
        job = known_job(options["job"])
        actor = system_actor()
        with refusals_recorded(actor, f"job.{action}", job_id=job.pk):
            getattr(control, action)(job.pk, actor=actor, **values)
        if options["json"]:
            self.show(job, is_json=True)
        else:
            self.terminal.say(message % {"id": job.pk, "until": shown})

    def tell_queued(self, queued: JobExecution, *, is_json: bool) -> None:
        if is_json:
            url = reverse("scheduler:execution", args=[queued.pk])
            data = {"execution_id": queued.pk, "url": url, "status": queued.status}
            self.terminal.document(data)
        else:
            self.terminal.say(_queued(queued))

    def follow(self, execution: JobExecution, *, shows_log: bool, is_json: bool = False) -> End:
        warn = partial(self.stderr.write, style_func=self.style.WARNING)
        follower = Follower(self.terminal, warn, shows_log=shows_log, is_quiet=is_json)
        last, end = follower.follow(execution)
        if is_json and end != End.STOPPED:
            self.terminal.document(ExecutionDetailSerializer(last).data)
        return end


def _add_list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--state", help="Words, with commas: scheduled, paused, broken…")
    parser.add_argument("--function", help="The task's name.")
    parser.add_argument("--trigger-type", help="cron, interval or date.")
    parser.add_argument("--executor", help="threads or processes.")
    parser.add_argument("--is-builtin", help="true or false.")
    parser.add_argument("-q", help="A part of id, name, description or function.")


def _add_run_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--kwargs", help="JSON in place of the job's own arguments.")
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="One argument, as days=7 (JSON, else a text), the others as they are; repeatable.",
    )
    parser.add_argument(
        "--force", action="store_true", help="Also while as many runs go on as it allows."
    )
    parser.add_argument(
        "--wait", action="store_true", help="For the verdict; exit code 0 if it succeeded, else 1."
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="Wait, and print its log and progress meanwhile. Ctrl-C stops watching, not the run.",
    )


def _add_history_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--job", help="The job's id, of a deleted one, too.")
    parser.add_argument("--status", help="Words, with commas: failed, missed, running…")
    parser.add_argument("--source", help="schedule, manual or retry.")
    parser.add_argument("--function", help="The task's name.")
    parser.add_argument("--executor", help="threads or processes.")
    parser.add_argument("--requested-by", help="Who asked for the run.")
    parser.add_argument("--since", help="Scheduled then or later: 2026-12-31T03:00, 03:00, 2h.")
    parser.add_argument("--until", help="Scheduled then or earlier.")
    parser.add_argument("--limit", type=int, default=50, help="Default: %(default)s.")


def _given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: options[name] for name in names if options[name] is not None}


def _queued(execution: JobExecution) -> str:
    words = {"name": harmless(execution.job_name), "id": execution.pk}
    return _("“%(name)s” is queued as execution %(id)s.") % words
