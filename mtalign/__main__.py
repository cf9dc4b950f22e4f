"""``python -m mtalign``."""

from mtalign.cli.main import main

if __name__ == "__main__":
    main()
