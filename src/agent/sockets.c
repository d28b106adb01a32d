/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/sockets.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct span s, uint32_t *value)
{
	uint32_t v = 0;

	if (s.n == 0 || s.n > 8)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int digit = hex_digit(s.p[i]);

		if (digit < 0)
			return false;
		v = v << 4 | (uint32_t)digit;
	}
	*value = v;
	return true;
}

/* "0100007F:0019", or four such words: the kernel prints each 32-bit word of the address, which
 * lies in memory in network order, as a number of this machine. */
static bool parse_end(struct span word, int *family, unsigned char address[16], unsigned *port)
{
	ssize_t colon = span_find(word, ':');
	uint32_t number;

	if (colon != 8 && colon != 32)
		return false;
	*family = colon == 8 ? 4 : 6;
	memset(address, 0, 16);
	for (ssize_t at = 0; at < colon; at += 8) {
		if (!parse_hex((struct span){ word.p + at, 8 }, &number))
			return false;
		memcpy(address + at / 2, &number, 4);
	}
	if (!parse_hex(span_from(word, (size_t)colon + 1), &number) || number > 65535)
		return false;
	*port = number;
	return true;
}

static bool is_loopback(int family, const unsigned char a[16])
{
	static const unsigned char one[16] = { [15] = 1 };
	static const unsigned char mapped[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };

	if (family == 4)
		return a[0] == 127;
	return memcmp(a, one, 16) == 0 || memcmp(a, mapped, sizeof mapped) == 0;
}

bool agent_socket_parse(struct span line, struct agent_socket *out)
{
	unsigned char local[16], remote[16];
	struct agent_socket s = { 0 };
	struct span words[10];
	int remote_family;
	uint32_t state;

	/* sl local remote st tx:rx tr:when retransmits uid timeout inode */
	for (size_t i = 0; i < ROWS(words); i++)
		if (!span_next_word(&line, &words[i]))
			return false;
	if (!parse_end(words[1], &s.family, local, &s.local_port) ||
	    !parse_end(words[2], &remote_family, remote, &s.remote_port) ||
	    remote_family != s.family || words[3].n != 2 || !parse_hex(words[3], &state) ||
	    !span_parse_u64(words[9], &s.inode))
		return false;
	s.state = state;
	s.remote_is_self = is_loopback(s.family, remote) || memcmp(local, remote, 16) == 0;
	inet_ntop(s.family == 4 ? AF_INET : AF_INET6, local, s.local, sizeof s.local);
	inet_ntop(s.family == 4 ? AF_INET : AF_INET6, remote, s.remote, sizeof s.remote);
	*out = s;
	return true;
}

void agent_sockets_fini(struct agent_sockets *s)
{
	free(s->rows);
	*s = (struct agent_sockets){ 0 };
}

static int read_table(const char *path, unsigned states, struct agent_sockets *out,
                      struct error *err)
{
	AUTO_FREE char *line = NULL;
	struct agent_socket s;
	size_t room = 0;
	ssize_t n;

	AUTO_FILE FILE *f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : error_system(err, "open %s", path);
	while ((n = getline(&line, &room, f)) >= 0) {
		if (!agent_socket_parse((struct span){ line, (size_t)n }, &s))
			continue;
		if (s.state >= 32 || !(states & 1u << s.state))
			continue;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = s;
	}
	if (ferror(f))
		return error_system(err, "read %s", path);
	return 0;
}

int agent_sockets_read(unsigned states, struct agent_sockets *out, struct error *err)
{
	AUTO_SOCKETS struct agent_sockets found = { 0 };

	/* /proc/net is /proc/self/net: a thread's own namespace. tcp6 is missing without IPv6. */
	if (read_table("/proc/net/tcp", states, &found, err) < 0 ||
	    read_table("/proc/net/tcp6", states, &found, err) < 0)
		return -1;
	*out = found;
	found = (struct agent_sockets){ 0 };
	return 0;
}
