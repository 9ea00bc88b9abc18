"""The composition root: it builds the house from a configuration, starts, reloads, drains and stops it.

It is the only floor that knows every room. What decides, what moves bytes and what keeps records stands
below; nothing here judges a request.
"""
