"""``python -m deixis`` is the command ``deixis``."""

from deixis.cli import main

if __name__ == "__main__":
    main()
