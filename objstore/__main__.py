"""``python -m objstore``: the same as the ``objstore`` command."""

from objstore.cli.main import main

if __name__ == "__main__":
    main()
