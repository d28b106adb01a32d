# SPDX-License-Identifier: BSD-2-Clause
"""The test lab: see README.md, and lab.py for the way in."""
