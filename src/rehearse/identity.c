/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/identity.h"

#include "rehearse/place.h"

#include <string.h>
#include <unistd.h>

void identity_hosts(const struct description_host *h, struct buf *out)
{
	size_t shorter = strcspn(h->hostname, ".");

	buf_add_text(out, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
	for (unsigned i = 0; i < h->addresses_count; i++) {
		buf_addf(out, "%s %s", h->addresses_parsed[i].text, h->hostname);
		if (h->hostname[shorter])
			buf_addf(out, " %.*s", (int)shorter, h->hostname);
		buf_add_char(out, '\n');
	}
	for (unsigned i = 0; i < h->names_count; i++)
		buf_addf(out, "%s\n", h->names[i]);
}

/* FNV-1a: short, and the same everywhere; nobody has to be kept from guessing it. */
static uint64_t fold(uint64_t seed, const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u ^ seed;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

void identity_machine(const char *set, const char *host, char out[33])
{
	uint64_t high = fold(fold(0, set), host), low = fold(high, host);

	snprintf(out, 33, "%016llx%016llx", (unsigned long long)high, (unsigned long long)low);
}

int identity_write(int root, const char *set, const struct description_host *h, struct error *err)
{
	AUTO_BUF struct buf name = { 0 }, hosts = { 0 }, resolver = { 0 }, machine = { 0 };
	char id[33];

	buf_addf(&name, "%s\n", h->hostname);
	identity_hosts(h, &hosts);
	if (h->resolver)
		buf_addf(&resolver, "nameserver %s\n", h->resolver);
	identity_machine(set, h->name, id);
	buf_addf(&machine, "%s\n", id);
	const struct {
		const char *path;
		const struct buf *text;
	} files[] = {
		{ "/etc/hostname", &name },      { "/etc/mailname", &name },
		{ "/etc/hosts", &hosts },        { "/etc/resolv.conf", &resolver },
		{ "/etc/machine-id", &machine },
	};

	for (size_t i = 0; i < ROWS(files); i++)
		if ((!h->keep_names || files[i].text == &resolver) &&
		    place_write(root, files[i].path, buf_span(files[i].text), err) < 0)
			return -1;
	if (sethostname(h->hostname, strlen(h->hostname)) < 0)
		return error_system(err, "set the host name %s", h->hostname);
	return 0;
}
