# SPDX-License-Identifier: BSD-2-Clause
"""python3 -m mailman21 FOLDER [LAYOUT]: make a site below FOLDER, print what is in it."""

import json
import sys

from .site import Site

site = Site(sys.argv[1], *sys.argv[2:3])
site.make()
json.dump(site.truth, sys.stdout, indent=1, sort_keys=True)
print()
