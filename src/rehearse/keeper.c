/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/keeper.h"

#include "rehearse/control.h"
#include "rehearse/network.h"
#include "rehearse/sealed_host.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct keeper {
	struct description *d; /* owned */
	struct strings loops;  /* what there was before the first host */
	struct sealed_host router;
	struct sealed_host hosts[DESCRIPTION_HOSTS_MAX];
	unsigned n;
	int listener, router_network, lifeline[2];
	bool ending;
};

/* A request under way. */
struct request {
	struct sealed_host *host; /* NULL when the word takes none */
	const char *argument;     /* "" when there is none */
	struct buf answer;
	int fd; /* borrowed; goes with the answer; -1 */
};

static int start_all(struct keeper *k, struct error *err)
{
	if (sealed_host_spawn(&k->router, -1, k->lifeline, err) < 0 ||
	    sealed_host_await(&k->router, err) < 0)
		return -1;
	k->router_network = sealed_host_open_network(&k->router, err);
	if (k->router_network < 0)
		return -1;
	/* all at once: most of the time each waits for the kernel */
	for (unsigned i = 0; i < k->n; i++)
		if (sealed_host_spawn(&k->hosts[i], k->router_network, k->lifeline, err) < 0)
			return -1;
	for (unsigned i = 0; i < k->n; i++)
		if (sealed_host_await(&k->hosts[i], err) < 0)
			return -1;
	return 0;
}

static int end_all(struct keeper *k, struct error *err)
{
	int result = 0;

	for (unsigned i = 0; i < k->n; i++)
		if (k->hosts[i].pid)
			(void)pidfd_send_signal(k->hosts[i].pidfd, SIGKILL, NULL, 0);
	for (unsigned i = 0; i < k->n; i++)
		if (sealed_host_end(&k->hosts[i], err) < 0)
			result = -1;
	if (k->router_network >= 0)
		close(k->router_network);
	k->router_network = -1;
	if (sealed_host_end(&k->router, err) < 0)
		result = -1;
	return result;
}

int keeper_open(struct keeper **out, struct description *d, struct error *err)
{
	AUTO_KEEPER struct keeper *k = xcalloc(1, sizeof *k);

	k->d = d;
	k->n = d->hosts_count;
	k->router_network = k->lifeline[0] = k->lifeline[1] = -1;
	disk_list_loops(&k->loops);
	sealed_host_init(&k->router, d, &d->router, &k->loops);
	for (unsigned i = 0; i < k->n; i++)
		sealed_host_init(&k->hosts[i], d, &d->hosts[i], &k->loops);
	k->listener = control_listen(d->name, err);
	if (k->listener < 0)
		return -1;
	if (pipe2(k->lifeline, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	if (start_all(k, err) < 0)
		return -1;
	*out = TAKE(k);
	return 0;
}

void keeper_close(struct keeper *k)
{
	struct error ignored;
	const int fds[] = { k->listener, k->lifeline[0], k->lifeline[1] };

	(void)!end_all(k, &ignored);
	for (size_t i = 0; i < ROWS(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	strings_fini(&k->loops);
	description_free(k->d);
	free(k);
}

static json_t *host_json(struct sealed_host *h)
{
	json_t *addresses = json_array();

	sealed_host_notice_end(h);
	for (unsigned i = 0; i < h->plan->addresses_count; i++)
		json_array_append_new(addresses, json_string(h->plan->addresses[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:i}", "name", h->plan->name,
	                 "hostname", h->plan->hostname, "segment",
	                 h->plan->segment_found ? h->plan->segment_found->name : "", "state",
	                 h->pid ? "up" : "unplugged", "cable", h->cut ? "down" : "up", "addresses",
	                 addresses, "pid", (int)h->pid, "loop", h->disk.loop);
}

void keeper_describe(struct keeper *k, struct buf *out)
{
	json_t *hosts = json_array(), *all;
	char *text;

	for (unsigned i = 0; i < k->n; i++)
		json_array_append_new(hosts, host_json(&k->hosts[i]));
	all = json_pack("{s:s, s:i, s:o, s:o}", "name", k->d->name, "keeper", (int)getpid(),
	                "router", host_json(&k->router), "hosts", hosts);
	text = json_dumps(all, JSON_COMPACT);
	if (!text)
		abort();
	buf_add_text(out, text);
	free(text);
	json_decref(all);
}

static int do_list(struct keeper *k, struct request *r, struct error *err)
{
	keeper_describe(k, &r->answer);
	return 0;
}

static int do_enter(struct keeper *k, struct request *r, struct error *err)
{
	if (!r->host->pid)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
		                 "host %s is unplugged", r->host->plan->name);
	r->fd = r->host->pidfd;
	return 0;
}

static int do_end(struct keeper *k, struct request *r, struct error *err)
{
	k->ending = true;
	return end_all(k, err);
}

static int do_unplug(struct keeper *k, struct request *r, struct error *err)
{
	if (r->host == &k->router)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "the router stays; cut the cable of each host instead");
	if (sealed_host_end(r->host, err) < 0)
		return -1;
	network_unplug_host(r->host->plan, k->router_network);
	return 0;
}

static int do_plug(struct keeper *k, struct request *r, struct error *err)
{
	if (r->host->pid)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "host %s is up",
		                 r->host->plan->name);
	if (sealed_host_spawn(r->host, k->router_network, k->lifeline, err) < 0)
		return -1;
	return sealed_host_await(r->host, err);
}

static int do_cut(struct keeper *k, struct request *r, struct error *err)
{
	bool up = strcmp(r->argument, "up") == 0;

	if (!up && strcmp(r->argument, "down") != 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "a cable is up or down, not \"%s\"", r->argument);
	if (r->host == &k->router)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "the router has no cable of its own; cut those of the hosts");
	if (!r->host->pid)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
		                 "host %s is unplugged", r->host->plan->name);
	if (network_cut_host(r->host->plan, k->router_network, up, err) < 0)
		return -1;
	r->host->cut = !up;
	return 0;
}

static const struct word {
	const char *name;
	bool takes_host;
	int (*run)(struct keeper *k, struct request *r, struct error *err);
} words[] = {
	{ "cut", true, do_cut },    { "end", false, do_end },  { "enter", true, do_enter },
	{ "list", false, do_list }, { "plug", true, do_plug }, { "unplug", true, do_unplug },
};

static struct sealed_host *find_host(struct keeper *k, struct span name)
{
	if (span_is(name, DESCRIPTION_ROUTER))
		return &k->router;
	for (unsigned i = 0; i < k->n; i++)
		if (span_is(name, k->hosts[i].plan->name))
			return &k->hosts[i];
	return NULL;
}

/* "cut old down" */
static int act(struct keeper *k, const char *text, struct request *r, struct error *err)
{
	struct span rest = span_of(text), word = { 0 }, name = { 0 };

	span_next_word(&rest, &word);
	for (size_t i = 0; i < ROWS(words); i++) {
		if (!span_is(word, words[i].name))
			continue;
		if (words[i].takes_host) {
			span_next_word(&rest, &name);
			r->host = find_host(k, name);
			if (!r->host)
				return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
				                 "%s has no host \"%.*s\"", k->d->name, (int)name.n,
				                 name.p ? name.p : "");
			sealed_host_notice_end(r->host);
		}
		rest = span_trim(rest);
		r->argument = rest.n ? rest.p : ""; /* the request ends with it */
		return words[i].run(k, r, err);
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "the keeper knows no \"%.*s\"", (int)word.n, word.p ? word.p : "");
}

static void serve_one(struct keeper *k)
{
	char text[CONTROL_REQUEST_MAX];
	AUTO_CLOSE int connection = control_accept(k->listener, text);
	struct request r = { .argument = "", .fd = -1 };
	struct error err = { 0 };
	int result;

	if (connection < 0)
		return;
	result = act(k, text, &r, &err);
	control_answer(connection, result < 0 ? &err : NULL, buf_span(&r.answer), r.fd);
	buf_fini(&r.answer);
}

/* A host that ended by itself leaves its port at the router for a moment. */
static void notice_ends(struct keeper *k)
{
	for (unsigned i = 0; i < k->n; i++)
		if (sealed_host_notice_end(&k->hosts[i]))
			network_unplug_host(k->hosts[i].plan, k->router_network);
	sealed_host_notice_end(&k->router);
}

static bool await_event(struct keeper *k, int signals)
{
	struct pollfd p[DESCRIPTION_HOSTS_MAX + 3] = { { .fd = k->listener, .events = POLLIN },
		                                       { .fd = signals, .events = POLLIN },
		                                       { .fd = k->router.pidfd,
		                                         .events = POLLIN } };

	for (unsigned i = 0; i < k->n; i++)
		p[i + 3] = (struct pollfd){ .fd = k->hosts[i].pidfd, .events = POLLIN };
	if (poll(p, k->n + 3, -1) < 0)
		return errno == EINTR;
	if (p[1].revents)
		return false;
	notice_ends(k);
	if (p[0].revents)
		serve_one(k);
	return true;
}

int keeper_serve(struct keeper *k, struct error *err)
{
	AUTO_CLOSE int signals = -1;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0)
		return error_system(err, "wait for signals");
	while (!k->ending && await_event(k, signals))
		;
	return end_all(k, err);
}
