"""The configuration: what may be written, how it is read, and what is wrong with it, all at once.

`load.load` reads file, environment and flags into `model.Settings`, or raises `problems.ConfigError` with
every problem it found, each at its line and column. `compile` turns settings into what the core works with,
`effective` shows them. Nothing here keeps state: a reload is one more call.
"""
