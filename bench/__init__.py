"""Measures the gateway beside real peers that do the same job: check a key, strip it, forward.

Run it with ``make bench`` or ``python -m bench --help``. The figure is **CPU microseconds per
request of the gateway's own processes**, always as a ratio to a peer measured in the same run: it
survives a noisy machine, where requests per second do not.

The rooms: ``peers/`` has one file per gateway with its configuration text, ``scenarios`` says what
is measured, ``rounds`` takes turns, ``report`` writes RESULTS.md. A new peer is a new file and a
line in ``peers/__init__``; a new scenario is a class and a line in ``work.ALL``.

It never fails because something was slow. It does refuse to print a comparison of unlike work:
every peer is checked first (``same_job``), and one that is absent is skipped by name.
"""
