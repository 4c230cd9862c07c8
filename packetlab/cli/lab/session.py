"""The commands of a learner: start, step, shell, answer, check, frames, hint, solution, reset, stop.

Each asks the lab's background process (packetlab/lab/session.py) and shows what it says.
"""

import shutil
import sys
from typing import Any

import click

from packetlab.cli import completion
from packetlab.cli.common import complain, json_option, print_json
from packetlab.model.errors import UsageError

HELD = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def _ask(do: str, **arguments: Any) -> Any:
    from packetlab.lab.client import request

    return request(do, **arguments)


def _width() -> int:
    import shutil

    return min(80, shutil.get_terminal_size().columns)


def _prose(text: str) -> None:
    from packetlab.lab.prose import prose

    click.echo(prose(text, _width(), colour=sys.stdout.isatty()))


def show_step(status: dict[str, Any], *, intro: bool = False) -> None:
    """The step's text and what belongs to it; the first step refers to the lab's introduction, so that comes along."""
    if intro or status["number"] == 1:
        click.secho(f"{status['title']}", bold=sys.stdout.isatty())
        click.echo()
        _prose(status["intro"])
        click.echo()
    click.echo(status["diagram"])
    click.echo()
    before = ", passed" if status["step"] in status["passed"] else ""
    head = f"Step {status['number']} of {status['of']} ({status['kind']}{before}): {status['step_title']}"
    click.secho(head, bold=sys.stdout.isatty())
    click.echo()
    _prose(status["text"])
    if status["questions"]:
        click.echo()
    for question in status["questions"]:
        choices = f" ({', '.join(question['choices'])})" if question["choices"] else ""
        _prose(f"- {question['name']}: {question['text']}{choices}")
    if status["file"]:
        click.echo(f"\nYour file: {status['file']}")
    for number, hint in enumerate(status["hints"], 1):
        click.echo()
        _prose(f"Hint {number}: {hint}")
    if status["replay"]:
        click.echo()
        _prose(f"Replay mode: frames come from a capture that ships with the lab. {status['replay']}")
    if status["onward"]:
        click.echo()
        _prose(f"{status['onward']} (Each step can be done again.)")


@click.command(short_help="build a lab's network and show its first step")
@click.argument("name", metavar="LAB", shell_complete=completion.labs)
@click.option("--seed", type=click.IntRange(min=0), help="For the same values again; a new one by default.")
@click.option("--replay", is_flag=True, help="Without a network: predict and observe steps on the shipped capture.")
@json_option
def start(name: str, seed: int | None, replay: bool, as_json: bool) -> int:
    """Build the network of LAB in the background and show the first step that you have not passed.

    It lives until `packetlab lab stop`; nothing is left of it then but your progress and the captures.
    """
    from packetlab.lab.attempts import require_programs
    from packetlab.lab.client import start_session
    from packetlab.lab.format import find_lab

    require_programs(find_lab(name))
    start_session(name, seed, force_replay=replay)
    status = _ask("status")
    if as_json:
        print_json(status)
        return 0
    show_step(status, intro=True)
    click.echo()
    _prose(f"(seed {status['seed']}; `packetlab lab watch` shows it all on one screen, `packetlab lab hint` helps, "
           "`packetlab lab stop` ends)")  # fmt: skip
    return 0


@click.command(short_help="show the current step, or go to another")
@click.argument("name", metavar="[STEP]", default="", shell_complete=completion.lab_steps)
@click.option("--intro", is_flag=True, help="With the lab's introduction; the first step shows it anyway.")
@json_option
def step(name: str, intro: bool, as_json: bool) -> int:
    """Show the current step again; or go to STEP: an id, a number, `next`, or `again` for a new attempt."""
    status = _ask("step", name=name)
    if as_json:
        print_json(status)
    else:
        show_step(status, intro=intro)
    return 0


@click.command(short_help="a shell, or one command, on a host", context_settings=HELD)
@click.argument("host", shell_complete=completion.lab_hosts)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(host: str, command: tuple[str, ...]) -> int:
    """Open a shell on HOST, or run one COMMAND there: packetlab lab shell h1 -- ping -c 1 h2.

    Meanwhile, in another window: `packetlab net capture HOST` shows the packets at a host as they pass.
    """
    from packetlab.lab.shell import run_in_host

    return run_in_host(host, command[1:] if command[:1] == ("--",) else command)


def _told(answer: dict[str, Any], as_json: bool) -> int:
    good = answer["verdict"] in ("pass", "skipped")
    if as_json:
        print_json(answer)
        return 0 if good else 1
    click.echo(answer["text"])
    if answer["after"]:
        click.echo()
        _prose(answer["after"])
    if answer["next"]:
        click.echo()
        show_step(_ask("status"))
    elif answer["onward"]:
        click.echo()
        _prose(f"That was the last step. {answer['onward']}")
    elif not good:
        begun = "A new attempt has begun: what was sent until now is put aside. " if answer["aside"] else ""
        _prose(f"{begun}(`packetlab lab hint` helps.)")
    return 0 if good else 1


def _of_question(answer: str, questions: list[dict[str, Any]]) -> tuple[str, str]:
    """(question, answer) as NAME=ANSWER says; a step with one question needs no name."""
    import difflib

    names = [question["name"] for question in questions]
    name, equals, value = answer.partition("=")
    if equals and name in names:
        return name, value
    if len(names) == 1 and not (equals and questions[0]["kind"] != "word"):
        return names[0], answer
    if not equals:
        raise UsageError(f"{answer!r} does not say which question it answers",
                         remedy=f"as {names[0]}={answer}; there are: {', '.join(names)}")  # fmt: skip
    near = sorted(names, key=lambda each: -difflib.SequenceMatcher(None, name, each).ratio())
    raise UsageError(f"this step has no question {name!r}", remedy=f"there {'is' if len(near) == 1 else 'are'}: "
                     f"{', '.join(near)}")  # fmt: skip


def _asked(question: dict[str, Any]) -> str:
    """What is typed to a question, which is asked again until it is an answer."""
    from packetlab.lab.answers import KINDS, read_answer
    from packetlab.lab.format import Question
    from packetlab.lab.prose import prose

    kind = ", ".join(question["choices"]) or KINDS.get(question["kind"], "")
    click.echo(prose(question["text"] + (f" ({kind})" if kind else ""), _width()), err=True)
    asked = Question(question["name"], question["kind"], question["text"], tuple(question["choices"]))
    while True:
        typed = str(click.prompt(question["name"], err=True))
        try:
            read_answer(asked, typed)
        except UsageError as error:
            complain(f"{error}\n  try: {error.remedy}")
            continue
        return typed


@click.command(short_help="answer a question of the step")
@click.argument("answers", nargs=-1, metavar="[NAME=]ANSWER...", shell_complete=completion.answers)
@json_option
def answer(answers: tuple[str, ...], as_json: bool) -> int:
    """Answer the questions of the step: `answer 4`, or `answer switch=0 hub=4`. Without answers it asks."""
    status = _ask("status")
    names = [question["name"] for question in status["questions"]]
    if not names:
        raise UsageError(f"the step {status['step']} asks nothing", remedy="packetlab lab check")
    given: dict[str, str] = {}
    for each in answers:
        name, value = _of_question(each, status["questions"])
        if name in given:
            raise UsageError(f"{name} is answered twice: {given[name]!r} and {value!r}", remedy="say one of them")
        given[name] = value
    if not answers:
        given = {question["name"]: _asked(question) for question in status["questions"]}
    return _told(_ask("check", given=given), as_json)


@click.command(short_help="judge what was sent, by the packets")
@json_option
def check(as_json: bool) -> int:
    """Judge this attempt by the packets that every interface saw. The exit code is 0 if the step is passed."""
    status = _ask("status")
    if status["questions"]:
        raise UsageError(f"the step {status['step']} waits for answers", remedy="packetlab lab answer")
    return _told(_ask("check"), as_json)


@click.command(short_help="the frames that were seen in this attempt")
@click.argument("host", default="", shell_complete=completion.lab_hosts)
@click.option("-n", "--number", "numbers", metavar="N", help="Only these frames, in depth: 12, 3-5 or 1,4,9.")
@click.option("-Y", "--filter", "condition", default="", metavar="FILTER", help="Only frames for which it holds.")
@click.option("--layers", is_flag=True, help="In depth: what each layer adds, field by field.")
@click.option("--bytes", is_flag=True, help="In depth: the bytes, labelled by layer and field.")
@click.option("--figure", is_flag=True, help="In depth: the RFC figures with their values.")
@click.option("--explain", is_flag=True, help="In depth: every field in plain English.")
@json_option
def frames(host: str, numbers: str | None, condition: str, as_json: bool, **views: bool) -> int:
    """List the frames of this attempt, at HOST or everywhere, or show some of them in depth.

    A line has the frame's number, the milliseconds since the first, the interface, and whether it came in there (<-)
    or went out (->).
    """
    told = _ask("frames", host=host, condition=condition)
    if told["capture"] and (numbers or any(views.values())):
        return _in_depth(told["capture"], numbers, condition, as_json, views)
    if as_json:
        print_json(told)
        return 0
    from packetlab.show.fold import folded

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1 << 16
    for line in told["lines"]:
        click.echo("\n".join(folded(line, width, 6)))
    if not told["lines"]:
        click.echo("Nothing was seen yet." if not told["count"] else "No such frame was seen.")
    elif told["capture"]:
        if told["fit"] > len(told["lines"]):
            click.echo(f"These are the last {len(told['lines'])} of {told['fit']}; all are in the capture:")
        click.echo(f"{told['capture']}\nOne in depth: packetlab lab frames -n NUMBER")
    return 0


def _in_depth(capture: str, numbers: str | None, condition: str, as_json: bool, views: dict[str, bool]) -> int:
    from pathlib import Path

    from packetlab.cli.show import show

    chosen = {f"show_{name}": wanted for name, wanted in views.items()}
    file = str(Path(capture).expanduser())
    return int(click.get_current_context().invoke(show, file=file, numbers=numbers, condition=condition or None,
                                                  ladder=False, limit=None, as_json=as_json, **chosen))  # fmt: skip


@click.command(short_help="a nudge; the next time, a larger one")
@json_option
def hint(as_json: bool) -> int:
    """Show the next of three hints for the step."""
    told = _ask("hint")
    if as_json:
        print_json(told)
    else:
        _prose(f"Hint {told['level']} of {told['of']}: {told['text']}" if told["level"] else "There is no hint.")
    return 0


@click.command(short_help="the reference solution of the step")
@json_option
def solution(as_json: bool) -> int:
    """Show the reference solution of the step. `h1$ command` is a command on h1."""
    told = _ask("solution")
    if as_json:
        print_json(told)
    else:
        click.echo(told["text"].rstrip())
    return 0


@click.command(short_help="build the network anew, with other values")
@click.option("--seed", type=click.IntRange(min=0))
@json_option
def reset(seed: int | None, as_json: bool) -> int:
    """Build the network anew, with other addresses. Your progress and your files stay."""
    status = _ask("reset", seed=seed)
    if as_json:
        print_json(status)
    else:
        show_step(status)
    return 0


@click.command(short_help="take the network down")
@json_option
def stop(as_json: bool) -> int:
    """End the lab. Your progress is kept."""
    told = _ask("stop")
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['lab']} has ended; {len(told['passed'])} of {told['of']} steps are passed.")
    return 0
