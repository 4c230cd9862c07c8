"""`packetlab lab list` and `progress`: which labs there are, and how far the learner is."""

import click

from packetlab.cli.common import json_option, print_json

TRACKS = {
    "link": "Links and addresses", "transport": "Transport", "names": "Names and applications",
    "system": "System design",
}  # fmt: skip


@click.command(short_help="all labs")
@json_option
def list_labs(as_json: bool) -> int:
    """All labs by track, each with what it asks for and how far you are."""
    from packetlab.lab.format import all_labs
    from packetlab.lab.storage import next_lab, passed, passed_steps

    labs, done = all_labs(), passed()
    if as_json:
        print_json([
            {"id": lab.id, "title": lab.title, "track": lab.track, "concepts": list(lab.concepts),
             "minutes": lab.minutes, "after": list(lab.after), "needs": list(lab.needs),
             "steps": [{"id": step.id, "kind": step.kind, "title": step.title} for step in lab.steps],
             "passed": passed_steps(lab, done)}
            for lab in labs
        ])  # fmt: skip
        return 0
    width = max((len(lab.id) for lab in labs), default=0)
    for track, title in TRACKS.items():
        here = [lab for lab in labs if lab.track == track]
        if here:
            click.echo(f"\n{title}")
        for lab in here:
            count = len(passed_steps(lab, done))
            mark = "done" if count == len(lab.steps) else f"{count}/{len(lab.steps)}" if count else ""
            click.echo(f"  {lab.id:{width}}  {mark:>5}  {lab.minutes:>3} min  {lab.title}")
    if fresh := next_lab():
        click.echo(f"\nNext: packetlab lab start {fresh}")
    return 0


@click.command(short_help="what you have passed")
@json_option
def progress(as_json: bool) -> int:
    """The steps that you have passed. What is passed once stays passed."""
    from packetlab.lab.format import all_labs
    from packetlab.lab.storage import passed, passed_steps

    done = passed()
    labs = [lab for lab in all_labs() if passed_steps(lab, done)]
    if as_json:
        print_json({lab.id: {"passed": passed_steps(lab, done), "of": len(lab.steps)} for lab in labs})
        return 0
    for lab in labs:
        steps = passed_steps(lab, done)
        click.echo(f"{lab.id}: {len(steps)} of {len(lab.steps)} steps ({', '.join(steps)})")
    if not labs:
        click.echo("Nothing yet. `packetlab lab list` shows the labs.")
    return 0
