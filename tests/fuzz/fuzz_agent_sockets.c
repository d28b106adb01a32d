/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/processes.h"
#include "agent/sockets.h"
#include "fuzz/fuzz.h"

#include <string.h>

/* A line of /proc/net/tcp, and /proc/PID/stat, whose name a user chooses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct agent_socket s;
	struct agent_process p;

	if (agent_socket_parse(text, &s) &&
	    ((s.family != 4 && s.family != 6) || s.local_port > 65535 || s.remote_port > 65535 ||
	     !memchr(s.local, 0, sizeof s.local)))
		__builtin_trap();
	if (agent_process_parse(text, &p) && !memchr(p.name, 0, sizeof p.name))
		__builtin_trap();
	return 0;
}
