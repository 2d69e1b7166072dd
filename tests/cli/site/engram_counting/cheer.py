import click


@click.command()
def command():
    """Cheer for the counter."""
    click.echo("hurrah")
