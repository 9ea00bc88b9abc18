"""The doors for people who run the gateway: the admin listener, and the control socket of the command line.

The listener shows health and metrics (`porter` for plain probes, `app` for everybody else). Whoever manages
keys does so through `gateway.keeper.desk.KeyDesk`, so one set of rules holds for all of them. No room of this
floor ever sees proxied traffic.
"""
