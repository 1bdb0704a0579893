"""``python -m dateline`` is the ``dateline`` command."""

from .cli import main

if __name__ == "__main__":  # worker processes import this module as well
    main()
