# SPDX-License-Identifier: BSD-2-Clause
"""What runs inside the hosts.  Each module is a program; its output is JSON or plain lines."""
