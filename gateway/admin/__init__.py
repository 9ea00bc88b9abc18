"""The doors for people who run the gateway: management API, console, and the control socket of the CLI.

Everything here goes through `gateway.keeper.desk.KeyDesk`, so one set of rules holds for all of them. No
room of this floor ever sees proxied traffic.
"""
