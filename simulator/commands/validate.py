"""``clinic validate``: checks batch, case and rubric files without running anything."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic validate scenarios/batches/quickstart.yaml
  clinic validate my-cases.yaml more/*.yaml
"""


@click.command(short_help="Check batch, case and rubric files without running.", epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(files: tuple[Path, ...]) -> None:
    """Check batch, case and rubric FILES: keys, types, backends, duplicate ids, missing files."""
    from scenarios.loader import load_batch, load_case_file, load_cases
    from scenarios.rubric_file import load_rubric, looks_like_rubric
    from scenarios.yaml_file import read_yaml
    from simulator.build import check

    for file in files:
        data = None if file.suffix == ".jsonl" else read_yaml(file).data
        if looks_like_rubric(data):
            rubric = load_rubric(file)
            click.echo(f"{file}: ok. Rubric {rubric.id!r} with {len(rubric.item_ids)} {rubric.kind}")
        elif isinstance(data, dict) and ("doctors" in data or "cases" not in data) and "chief_complaint" not in data:
            batch, source = load_batch(file)
            check(batch, source)
            cases = load_cases(batch, source)
            count = len(cases) * len(batch.doctors) * batch.trials
            click.echo(
                f"{file}: ok. {len(cases)} cases x {len(batch.doctors)} doctors x {batch.trials} trials "
                f"= {count} consultations of at most {batch.max_turns} exchanges"
            )
        else:
            click.echo(f"{file}: ok. {len(load_case_file(file))} cases")
