#!/usr/bin/env python
"""Django's command line: `manage.py help` lists every command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "connection failed" not in str(error):
            raise
        sys.exit(
            "The database does not answer, and nothing was changed. Start Tandem in another window (make run), or say\n"
            "which one is meant: HUB_HOME names its data folder, DATABASE_URL a database of your own.\n"
            f"({str(error).splitlines()[0]})"
        )


if __name__ == "__main__":
    main()
