"""The harness reads Linux's /proc and pins cores: elsewhere there is nothing to test."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["*"]
