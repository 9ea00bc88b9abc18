"""HTTP translated for the core and back again: pure, standard library only, imports `core` alone.

What a plane reads becomes a `RequestView` here, what the upstream is sent is composed here, and each
refusal gets its status, sentence and challenge here. No sockets, no clock, no knowledge of any library.
"""
