"""The console: keys in a browser, for people who will never read the API.

`files` serves its page (`static/`: plain modules, no build step), `sign_in` begins and ends sessions.
Whatever the page does with keys it asks of `/api/v1`, as every other program does.
"""
