/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/stage.h"

#include "rehearse/address.h"
#include "rehearse/internet.h"
#include "rehearse/outside.h"
#include "rehearse/sealed.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT "site"
#define SCRIPT_MS 120000
#define PROGRAM_MOST (64u << 20) /* octets */

static const struct {
	const char *host, *words;
} sides[STAGE_SIDES] = {
	[STAGE_NEW] = { "new", "the copy" },
	[STAGE_OLD] = { "old", "old's copy" },
};

struct stage {
	char *name; /* "rehearse-4711" */
	pid_t keeper, outside;
	pid_t hosts[STAGE_SIDES], router; /* their PID 1; 0: there is none */
	enum stage_side side;
	int own_network, router_network;
};

void stage_plan_fini(struct stage_plan *plan)
{
	strings_fini(&plan->addresses);
	strings_fini(&plan->old_addresses);
}

/* ── its description ─────────────────────────────────────────────────────────────────────────── */

/* A single address has no room for a gateway; nobody else is in a network of our own. */
static void widen(struct address *a)
{
	if (a->family == AF_INET && a->prefix > 30)
		a->prefix = 24;
	if (a->family == AF_INET6 && a->prefix > 126)
		a->prefix = 64;
}

static bool is_taken(const struct address *a, const struct address *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (address_is_same(a, &all[i]))
			return true;
	return false;
}

/* The lowest address in a's network that is none of ours. */
static struct address gateway_of(const struct address *a, const struct address *all, size_t n)
{
	struct address g = *a;
	unsigned octets = a->family == AF_INET ? 4 : 16;

	for (unsigned bit = a->prefix; bit < octets * 8; bit++)
		g.bytes[bit / 8] &= (unsigned char)~(0x80u >> bit % 8);
	do
		g.bytes[octets - 1]++;
	while (is_taken(&g, all, n));
	inet_ntop(g.family, g.bytes, g.text, sizeof g.text);
	return g;
}

/* All addresses of one host; *n is how many there are before, and then. */
static void take_addresses(const struct strings *from, struct address *all, size_t *n)
{
	for (size_t i = 0; i < from->n; i++) {
		if (address_parse(from->rows[i], &all[*n]) || is_taken(&all[*n], all, *n))
			continue;
		widen(&all[(*n)++]);
	}
}

static void describe_host(const struct stage_plan *plan, enum stage_side side, bool memory,
                          const struct address *own, size_t n, struct buf *out)
{
	bool old = side == STAGE_OLD;

	buf_addf(out,
	         "  - name: %s\n    hostname: %s\n    segment: " SEGMENT
	         "\n    resolver: " INTERNET_RESOLVER "\n    keep_names: true\n    memory: %s\n",
	         sides[side].host, old ? plan->old_hostname : plan->hostname,
	         memory ? "true" : "false");
	if (old)
		buf_addf(out, "    root: \"%s\"\n", plan->old_root);
	if (plan->disk && !memory)
		buf_addf(out, "    disk: %s\n", plan->disk);
	buf_add_text(out, "    addresses:\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "      - \"%s/%u\"\n", own[i].text, own[i].prefix);
}

void stage_describe(const struct stage_plan *plan, const char *name, bool memory, struct buf *out)
{
	size_t most = plan->addresses.n + plan->old_addresses.n + 1;
	AUTO_FREE struct address *all = xcalloc(most, sizeof *all);
	AUTO_FREE struct address *gateways = xcalloc(most, sizeof *gateways);
	size_t n = 0, of_new;

	take_addresses(&plan->addresses, all, &n);
	of_new = n;
	if (plan->old_root)
		take_addresses(&plan->old_addresses, all, &n);
	buf_addf(out, "name: %s\nsegments:\n  - name: " SEGMENT "\n    gateways:\n", name);
	for (size_t i = 0; i < n; i++) {
		gateways[i] = gateway_of(&all[i], all, n);
		/* each alone: the neighbours of the real host are reached through it too */
		if (!is_taken(&gateways[i], gateways, i))
			buf_addf(out, "      - \"%s/%d\"\n", gateways[i].text,
			         gateways[i].family == AF_INET ? 32 : 128);
	}
	buf_add_text(out, "hosts:\n");
	describe_host(plan, STAGE_NEW, memory, all, of_new, out);
	if (plan->old_root)
		describe_host(plan, STAGE_OLD, memory, all + of_new, n - of_new, out);
}

/* ── up and down ─────────────────────────────────────────────────────────────────────────────── */

static int up_pipe; /* of the keeper's process, for keeper_is_up() */

static void keeper_is_up(const char *set)
{
	(void)fd_write_all(up_pipe, set, strlen(set));
	close(up_pipe);
	up_pipe = -1;
}

static void keep(int description, int up, pid_t parent)
{
	AUTO_FREE char *path = xasprintf("/proc/self/fd/%d", description);
	struct error err = { 0 };

	prctl(PR_SET_NAME, "stage-keeper");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	setsid(); /* ^C is the rehearsal's affair: it ends us in its order */
	up_pipe = up;
	if (sealed_keep(path, keeper_is_up, &err) < 0 && up_pipe >= 0)
		(void)fd_write_all(up, err.text, strlen(err.text));
	_exit(0);
}

static int read_set(struct stage *s, const struct buf *said, struct error *err)
{
	json_t *set = json_loads(buf_text(said), 0, NULL);

	for (size_t i = 0; i < STAGE_SIDES; i++)
		s->hosts[i] = (pid_t)json_integer_value(
			json_object_get(json_array_get(json_object_get(set, "hosts"), i), "pid"));
	s->router = (pid_t)json_integer_value(
		json_object_get(json_object_get(set, "router"), "pid"));
	json_decref(set);
	if (s->hosts[STAGE_NEW] > 0 && s->router > 0)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "the copy can't be started: %s",
	                 said->n ? buf_text(said) : "its keeper has died");
}

static int open_network(pid_t pid, struct error *err)
{
	char path[48];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_system(err, "open the network of the copy");
	return fd;
}

static int start_keeper(struct stage *s, const struct buf *description, struct error *err)
{
	AUTO_CLOSE int file = memfd_create("description", MFD_CLOEXEC);
	AUTO_BUF struct buf said = { 0 };
	pid_t parent = getpid();
	ssize_t n;
	int ends[2];

	if (file < 0 || fd_write_all(file, description->p, description->n) < 0)
		return error_system(err, "write the description");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	fflush(NULL);
	s->keeper = fork();
	if (s->keeper == 0) {
		close(ends[0]);
		keep(file, ends[1], parent);
	}
	close(ends[1]);
	do {
		n = s->keeper < 0 ? 0 : read(ends[0], buf_room(&said, 65536), 65536);
		if (n > 0)
			buf_grown(&said, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(ends[0]);
	return read_set(s, &said, err);
}

static void lead_to_copy(const struct strings *addresses, struct buf *batch)
{
	for (size_t i = 0; i < addresses->n; i++) {
		struct address a;

		if (!address_parse(addresses->rows[i], &a))
			buf_addf(batch, "route replace %s/%d dev br-" SEGMENT " table local\n",
			         a.text, a.family == AF_INET ? 32 : 128);
	}
}

/* Every address but those of the copies is the router's own; see ip-route(8), "local". */
static int lead_all_here(struct stage *s, const struct stage_plan *plan, struct error *err)
{
	static const char *const argv[] = { "ip", "-batch", "-", NULL };
	AUTO_BUF struct buf b = { 0 };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	bool six = access("/proc/sys/net/ipv6", F_OK) == 0;
	int result;

	lead_to_copy(&plan->addresses, &b);
	if (plan->old_root)
		lead_to_copy(&plan->old_addresses, &b);
	/* who comes from there: IPv6 sockets are bound to assigned addresses only */
	for (size_t i = 0; i < INTERNET_SENDERS; i++)
		buf_addf(&b, "address add %s/32 dev lo\n", internet_senders[i].v4);
	for (size_t i = 0; six && i < INTERNET_SENDERS; i++)
		buf_addf(&b, "address add %s/128 dev lo nodad\n", internet_senders[i].v6);
	buf_add_text(&b, "route add local 0.0.0.0/0 dev lo table local\n");
	if (six)
		buf_add_text(&b, "route add fe80::/64 dev br-" SEGMENT " table local\n"
		                 "route add local ::/0 dev lo table local\n");
	if (stage_go_outside(s, err) < 0)
		return -1;
	result = process_run(argv, &(struct process_options){ .input = buf_span(&b) }, &r, err);
	stage_come_back(s);
	return result < 0 ? -1 : process_expect_good(argv, &r, err);
}

int stage_open(struct stage **out, const struct stage_plan *plan, struct error *err)
{
	AUTO_STAGE struct stage *s = xcalloc(1, sizeof *s);
	AUTO_BUF struct buf description = { 0 };

	s->own_network = s->router_network = -1;
	s->name = xasprintf("rehearse-%d", (int)getpid());
	stage_describe(plan, s->name, access("/dev/loop-control", R_OK | W_OK) < 0, &description);
	if (start_keeper(s, &description, err) < 0)
		return -1;
	s->own_network = open_network(getpid(), err);
	s->router_network = open_network(s->router, err);
	if (s->own_network < 0 || s->router_network < 0 || lead_all_here(s, plan, err) < 0)
		return -1;
	*out = TAKE(s);
	return 0;
}

static void end(pid_t pid, int signal)
{
	if (pid <= 0)
		return;
	kill(pid, signal);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void stage_close(struct stage *s)
{
	end(s->outside, SIGKILL);
	end(s->keeper, SIGTERM);
	if (s->own_network >= 0)
		close(s->own_network);
	if (s->router_network >= 0)
		close(s->router_network);
	free(s->name);
	free(s);
}

void stage_turn_to(struct stage *s, enum stage_side side)
{
	s->side = side;
}

pid_t stage_pid(const struct stage *s)
{
	return s->hosts[s->side];
}

int stage_move_in(struct stage *s, struct error *err)
{
	AUTO_CLOSE int network = open_network(stage_pid(s), err);

	if (network < 0)
		return -1;
	if (setns(network, CLONE_NEWNET) < 0)
		return error_system(err, "enter the network of the copy");
	return 0;
}

/* ── in it ───────────────────────────────────────────────────────────────────────────────────── */

int stage_run(struct stage *s, const char *const argv[], const struct process_options *options,
              struct process_result *out, struct error *err)
{
	AUTO_FREE char *target = xasprintf("%s/%s", s->name, sides[s->side].host);
	const char *words[64] = { "/proc/self/exe", "sealed", "enter", target, "--" };
	size_t n = 5;

	for (size_t i = 0; argv[i]; i++) {
		if (n == ROWS(words) - 1)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, E2BIG, "%s",
			                 argv[0]);
		words[n++] = argv[i];
	}
	return process_run(words, options, out, err);
}

int stage_script(struct stage *s, const char *script, int64_t timeout_ms, struct buf *said,
                 struct error *err)
{
	const char *const argv[] = { "sh", "-ec", script, NULL };
	struct process_options options = { .timeout_ms = timeout_ms ? timeout_ms : SCRIPT_MS };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };

	if (stage_run(s, argv, &options, &r, err) < 0)
		return -1;
	if (said)
		buf_add_span(said, buf_span(&r.out));
	if (r.status == 0)
		return 0;
	AUTO_BUF struct buf words = { 0 };
	struct span last = span_trim(buf_span(r.errors.n ? &r.errors : &r.out));

	buf_add_printable(&words, last.n > 300 ? span_from(last, last.n - 300) : last);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "exit code %d%s%s", r.status,
	                 words.n ? ": " : "", buf_text(&words));
}

int stage_place(struct stage *s, const char *program, const char *path, struct error *err)
{
	AUTO_FREE char *place = xasprintf("/proc/%d/root%s", (int)stage_pid(s), path);
	AUTO_CLOSE int fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	AUTO_BUF struct buf text = { 0 };

	if (file_read(program, PROGRAM_MOST, &text, err) < 0)
		return -1;
	if (fd < 0 || fd_write_all(fd, text.p, text.n) < 0)
		return error_system(err, "put %s into the copy", program);
	return 0;
}

int stage_begin_outside(struct stage *s, struct zonebook *b, int folder, struct error *err)
{
	pid_t parent = getpid();
	int ends[2];
	char ready;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	fflush(NULL);
	s->outside = fork();
	if (s->outside == 0) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || setns(s->router_network, CLONE_NEWNET) < 0)
			_exit(1);
		outside_serve(b, folder, ends[1]);
	}
	close(ends[1]);
	do
		n = read(ends[0], &ready, 1);
	while (n < 0 && errno == EINTR);
	close(ends[0]);
	if (n == 1)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	                 "the pretended internet can't begin");
}

int stage_go_outside(struct stage *s, struct error *err)
{
	if (setns(s->router_network, CLONE_NEWNET) < 0)
		return error_system(err, "enter the pretended internet");
	return 0;
}

void stage_come_back(struct stage *s)
{
	if (setns(s->own_network, CLONE_NEWNET) < 0)
		abort(); /* in the wrong place, nothing that follows would be true */
}

int stage_socket(struct stage *s, const char *path, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || snprintf(at.sun_path, sizeof at.sun_path, "/proc/%d/root%s",
	                       (int)stage_pid(s), path) >= (int)sizeof at.sun_path)
		return error_system(err, "make a socket in the copy");
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || chmod(at.sun_path, 0666) < 0)
		return error_system(err, "make %s in the copy", path);
	return fd_take(&fd);
}

size_t stage_listeners(struct stage *s)
{
	static const char *const tables[] = { "tcp", "tcp6" };
	size_t n = 0;

	for (size_t i = 0; i < ROWS(tables); i++) {
		AUTO_BUF struct buf text = { 0 };
		struct error err = { 0 };
		struct span rest, line, word = { 0 };
		char path[48];

		snprintf(path, sizeof path, "/proc/%d/net/%s", (int)stage_pid(s), tables[i]);
		if (file_read(path, 16u << 20, &text, &err) < 0)
			continue;
		/* "  0: LOCAL REMOTE STATE ...", state 0A: LISTEN (proc_net(5)) */
		for (rest = buf_span(&text); span_next_line(&rest, &line);) {
			for (int k = 0; k < 4; k++)
				span_next_word(&line, &word);
			n += span_is(word, "0A");
		}
	}
	return n;
}

/* ── the proof ───────────────────────────────────────────────────────────────────────────────── */

static void prove_mounts(struct stage *s, struct strings *proof, struct strings *wrong)
{
	AUTO_BUF struct buf text = { 0 };
	char path[48];
	struct error err = { 0 };
	size_t bad = wrong->n, n;

	snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)stage_pid(s));
	if (file_read(path, 16u << 20, &text, &err) < 0) {
		strings_addf(wrong, "mounts: %s", err.text);
		return;
	}
	n = stage_judge_mounts(buf_span(&text), wrong);
	if (wrong->n == bad)
		strings_addf(proof,
		             "%zu mounts of %s: none leads to a file system of this host for "
		             "writing",
		             n, sides[s->side].words);
}

static void prove_links(pid_t pid, const char *whose, const char *const *own, struct strings *proof,
                        struct strings *wrong)
{
	AUTO_BUF struct buf text = { 0 }, names = { 0 };
	AUTO_STRINGS struct strings links = { 0 };
	struct error err = { 0 };
	char path[48];

	snprintf(path, sizeof path, "/proc/%d/net/dev", (int)pid);
	if (file_read(path, 1u << 20, &text, &err) < 0) {
		strings_addf(wrong, "links: %s", err.text);
		return;
	}
	stage_read_links(buf_span(&text), &links);
	for (size_t i = 0; i < links.n; i++) {
		bool known = false;

		for (size_t k = 0; own[k]; k++)
			known |= strcmp(own[k], links.rows[i]) == 0;
		if (!known)
			strings_addf(wrong, "%s has a link that it should not have: %s", whose,
			             links.rows[i]);
		buf_addf(&names, " %s", links.rows[i]);
	}
	strings_addf(proof, "links of %s:%s", whose, buf_text(&names));
}

void stage_prove(struct stage *s, struct strings *proof, struct strings *wrong)
{
	/* the last four are there in every network namespace of a kernel that has them built in */
	static const char *const host[] = {
		"lo", "eth0", "sit0", "tunl0", "ip6tnl0", "gre0", NULL
	};
	static const char *const router[] = { "lo",    "br-" SEGMENT, "v-new", "v-old", "sit0",
		                              "tunl0", "ip6tnl0",     "gre0",  NULL };

	prove_mounts(s, proof, wrong);
	prove_links(stage_pid(s), sides[s->side].words, host, proof, wrong);
	if (s->side == STAGE_NEW)
		prove_links(s->router, "the internet around it", router, proof, wrong);
}

void stage_read_links(struct span net_dev, struct strings *out)
{
	struct span line;

	while (span_next_line(&net_dev, &line)) {
		ssize_t colon = span_find(line, ':');

		if (colon > 0)
			strings_add_span(out, span_trim((struct span){ line.p, (size_t)colon }));
	}
}
