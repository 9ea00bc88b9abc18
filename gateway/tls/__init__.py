"""TLS for a listener: certificates as files hold them, and connections that speak it before a plain protocol.

Only a gateway with `server.tls` loads this room. It knows nothing of keys, requests or configuration files.
"""
