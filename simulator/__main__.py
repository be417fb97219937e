"""``python -m simulator``: the command line, for where the ``clinic`` script is not on the path."""

from simulator.cli import main

if __name__ == "__main__":
    main(prog_name="clinic")
