"""The door for ``python -m gateway``: the same command line as ``keyhatch``.

It holds no logic of its own, so that both spellings can never differ.
"""

from gateway.cli import main

if __name__ == "__main__":
    main()
