"""`packetlab lab run`, and what authors of labs need: `new`, `record`, `verify`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli import completion
from packetlab.cli.common import json_option, print_json
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.lab.format import Lab


@click.command(short_help="run a lab's own solutions")
@click.argument("name", metavar="LAB", shell_complete=completion.labs)
@click.option("--solution", is_flag=True, help="With the reference solution of each step (there is no other way yet).")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of all values; a new one by default.")
@json_option
def run(name: str, solution: bool, seed: int | None, as_json: bool) -> int:
    """Run all steps of LAB with its reference solutions; the exit code is 0 if all pass.

    Your own progress is not touched.
    """
    from packetlab.cli.within import within
    from packetlab.lab.attempts import require_programs
    from packetlab.lab.authoring import run_solutions
    from packetlab.lab.format import find_lab
    from packetlab.lab.values import new_seed

    if not solution:
        raise UsageError("without --solution there is nothing to run", remedy=f"packetlab lab start {name}")
    lab = find_lab(name)
    require_programs(lab)
    seed = new_seed() if seed is None else seed
    start = time.perf_counter()
    verdicts = run_solutions(lab, seed, within=within)
    took = time.perf_counter() - start
    good = len(verdicts) == len(lab.steps) and all(verdict.passed for verdict in verdicts)
    if as_json:
        print_json({"id": lab.id, "seed": seed, "passed": good, "seconds": round(took, 3),
                    "steps": [verdict.as_dict() for verdict in verdicts]})  # fmt: skip
        return 0 if good else 1
    for verdict in verdicts:
        click.echo(verdict.text())
    click.echo(f"{lab.id}: {'all steps pass' if good else 'not all steps pass'} (seed {seed}, {took:.2f} s)")
    return 0 if good else 1


@click.command(short_help="the files of a new lab")
@click.argument("name", metavar="ID")
def new(name: str) -> int:
    """Write the files of a new lab ID, ready to be filled in. labs/README.md describes them.

    A path such as ./ID puts it there; all commands take such a path for a lab, too. Else it goes where the other labs
    are ($PACKETLAB_LABS, if that is set).
    """
    from packetlab.lab.format import labs_folder
    from packetlab.lab.template import new_lab

    folder = Path(name).parent if "/" in name else labs_folder()
    for path in new_lab(folder, Path(name).name):
        click.echo(path)
    return 0


@click.command(short_help="captures for replay mode")
@click.argument("names", nargs=-1, required=True, metavar="LAB...", shell_complete=completion.labs)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
def record(names: tuple[str, ...], seed: int) -> int:
    """Run the reference solution of each LAB and keep its frames in its folder captures/, for replay mode."""
    from packetlab.cli.within import within
    from packetlab.lab import authoring
    from packetlab.lab.format import find_lab

    for name in names:
        for path in authoring.record(find_lab(name), seed, within=within):
            click.echo(path)
    return 0


@click.command(short_help="prove a lab's checks")
@click.argument("names", nargs=-1, metavar="[LAB...]", shell_complete=completion.labs)
@click.option("--repeat", "times", type=click.IntRange(min=1), help="Instead, run the solution so many times.")
@click.option("--verbose", "-v", is_flag=True, help="Print also what is as it should be.")
@json_option
def verify(names: tuple[str, ...], times: int | None, verbose: bool, as_json: bool) -> int:
    """Prove the checks of each LAB (all, without one).

    The solution passes on three seeds, the untouched start does not, each mistake gets its own message, and nothing
    passes while the sniffers are blind, drop frames or show canaries alone.
    """
    from packetlab.lab.format import find_lab, lab_names, labs_folder

    rows: list[dict[str, Any]] = []
    for lab in [find_lab(name) for name in names or lab_names(labs_folder())]:
        rows += _proved(lab, verbose, as_json) if times is None else [_repeated(lab, times, as_json)]
    if as_json:
        print_json(rows)
    return 0 if all(row.get("ok", not row.get("wrong")) for row in rows) else 1


def _repeated(lab: "Lab", times: int, as_json: bool) -> dict[str, Any]:
    """The row of a lab whose solution was run so many times; printed, unless all becomes JSON."""
    from statistics import median as median_of

    from packetlab.cli.within import within
    from packetlab.lab import authoring

    took, wrong = [], []
    for seed, seconds, verdicts in authoring.repeat(lab, times, within=within):
        took.append(seconds)
        if len(verdicts) < len(lab.steps) or not verdicts[-1].passed:
            wrong.append(seed)
            if not as_json:
                click.echo(f"{lab.id}, seed {seed}:\n{verdicts[-1].text()}")
    median = median_of(took)
    if not as_json:
        click.echo(f"{lab.id:24} {times:>4} runs  {len(wrong):>3} wrong  median {median:.2f} s  "
                   f"longest {max(took):.2f} s")  # fmt: skip
    return {"id": lab.id, "runs": times, "wrong": wrong, "median": round(median, 3)}


def _proved(lab: "Lab", verbose: bool, as_json: bool) -> list[dict[str, Any]]:
    """A row for each cell of a lab's matrix; printed as found, unless all becomes JSON."""
    from packetlab.cli.within import within
    from packetlab.lab import authoring

    rows: list[dict[str, Any]] = []
    for outcome in authoring.matrix(lab, within=within):
        detail = "" if outcome.ok else outcome.detail
        rows.append({"id": lab.id, "step": outcome.step, "what": outcome.what, "ok": outcome.ok, "detail": detail})
        if not as_json and (verbose or not outcome.ok):
            click.echo(f"{'ok ' if outcome.ok else 'BAD'} {lab.id} {outcome.step}: {outcome.what}")
            if detail:
                click.echo("    " + detail.replace("\n", "\n    "))
    if not as_json:
        click.echo(f"{lab.id}: {sum(row['ok'] for row in rows)} of {len(rows)} as they should be")
    return rows
