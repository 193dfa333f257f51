"""`flask auth user …`: accounts."""

from flask.cli import AppGroup

from chirp_auth.cli.user import accounts, changes, export, factors, import_

user = AppGroup(
    "user",
    help="Look at accounts; open, lock and end them.\n\nExample: flask --app wsgi auth user show alice@example.com",
)
for command in (
    *(accounts.show_list, accounts.show, accounts.create),
    *(changes.lock, changes.unlock, changes.delete, changes.set_email, factors.reset_factors),
    *(import_.import_file, export.export),
):
    user.add_command(command)
