/* SPDX-License-Identifier: BSD-2-Clause */

/* cutover_mail -- the world that sends mail while the cut-over is rehearsed: who is not let in comes again, to
 * where the DNS leads then. And the count: where each message is. */

#include "rehearse/cutover.h"

#include "rehearse/internet.h"
#include "rehearse/steps.h"

#include "base/file.h"
#include "base/memory.h"
#include "check/talk.h"
#include "dns/dns.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSION_MS 5000 /* a door may be silent; then it is tried again */
#define SETTLE_MS 120000
#define PAUSE_MS 250
#define DOUBLES_MOST 10u /* looks, one after the other, that find a message twice */
#define SMTP_PORT 25
#define SEARCH_MS 300000

void letters_fini(struct letters *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].from);
		free(l->rows[i].to);
	}
	free(l->rows);
	*l = (struct letters){ .folder = -1 };
}

static void add(struct letters *l, const char *from, const char *to, bool uncounted)
{
	ARRAY_GROW(l->rows, l->n, l->room);
	l->rows[l->n++] = (struct letter){ .from = xstrdup(from),
		                           .to = xstrdup(to),
		                           .uncounted = uncounted };
}

void letters_write(struct letters *l, const struct rehearsal *r)
{
	const struct cutover_plan *p = &r->plan->cutover;

	for (size_t i = 0; i < p->people_n; i++) {
		AUTO_FREE char *from = xasprintf("mover-%zu@%s", l->n,
		                                 internet_senders[i % INTERNET_SENDERS].domain);

		add(l, from, p->people[i].address, false);
	}
}

/* ── sending ─────────────────────────────────────────────────────────────────────────────────── */

static const char *first_of(const struct dns_answer *a, enum dns_type type)
{
	const struct dns_record *best = NULL;

	for (size_t i = 0; i < a->answer.n; i++) {
		const struct dns_record *row = &a->answer.rows[i];

		if (row->type == type && (!best || row->preference < best->preference))
			best = row;
	}
	return best ? best->data : NULL;
}

/* Where mail for the address goes to, as its DNS is now; the caller owns it. NULL: nowhere. */
static char *find_server(const char *to)
{
	__attribute__((cleanup(dns_servers_fini))) struct dns_servers resolvers = { 0 };
	AUTO_ANSWER struct dns_answer mx = { 0 }, four = { 0 }, six = { 0 };
	const char *domain = strrchr(to, '@') + 1, *host, *address;
	struct error err = { 0 };

	dns_servers_add(&resolvers, NULL, INTERNET_RESOLVER, 53);
	if (dns_resolve(&resolvers, domain, DNS_MX, &mx, &err) < 0)
		return NULL;
	host = first_of(&mx, DNS_MX);
	host = host ? host : domain;
	if (dns_resolve(&resolvers, host, DNS_A, &four, &err) < 0)
		return NULL;
	address = first_of(&four, DNS_A);
	if (!address && dns_resolve(&resolvers, host, DNS_AAAA, &six, &err) == 0)
		address = first_of(&six, DNS_AAAA);
	return address ? xstrdup(address) : NULL;
}

static void add_text(struct buf *out, const struct rehearsal *r, const struct letter *l, size_t n)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_addf(out,
	         "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nSubject: rehearsal\r\n"
	         "Message-ID: <rehearsal.%u.move.%zu@%s>\r\n\r\n"
	         "A message of a rehearsal, which nobody outside of it ever sees.\r\n",
	         date, l->from, l->to, r->run, n, strrchr(l->from, '@') + 1);
}

static bool said_well(struct talk *t, struct letter *l)
{
	AUTO_BUF struct buf words = { 0 };

	if (smtp_reply_class(&t->client.reply) == 2)
		return true;
	smtp_reply_show(&words, &t->client.reply);
	snprintf(l->words, sizeof l->words, "%s", buf_text(&words));
	return false;
}

static int send_one(const struct rehearsal *r, struct letter *l, size_t n, struct talk *t,
                    struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	if (talk_say(t, err, "MAIL FROM:<%s>", l->from) < 0)
		return -1;
	if (!said_well(t, l))
		return 0;
	if (talk_say(t, err, "RCPT TO:<%s>", l->to) < 0)
		return -1;
	if (!said_well(t, l))
		return talk_say(t, err, "RSET");
	add_text(&text, r, l, n);
	if (talk_send(t, buf_span(&text), err) < 0)
		return -1;
	l->taken = said_well(t, l);
	return 0;
}

/* False: nobody is to be had there now. */
static bool try_one(const struct rehearsal *r, struct letter *l, size_t n)
{
	const struct internet_sender *s = &internet_senders[n % INTERNET_SENDERS];
	AUTO_FREE char *address = find_server(l->to);
	AUTO_TALK struct talk t = { .name = s->host };
	struct error err = { 0 };

	if (!address) {
		snprintf(l->words, sizeof l->words, "the DNS tells no server");
		return false;
	}
	t.link.from = strchr(address, ':') ? s->v6 : s->v4;
	if (talk_open(&t, address, SMTP_PORT, SMTP_TLS_NEVER, NULL, SESSION_MS, &err) == 0 &&
	    send_one(r, l, n, &t, &err) == 0)
		return true;
	snprintf(l->words, sizeof l->words, "%.150s", err.text);
	return false;
}

/* What went out to a canary's place is answered from there. */
static void answer_canaries(struct letters *l, const struct rehearsal *r)
{
	const struct config_canary *c = &r->plan->config->canary;

	for (;;) {
		AUTO_CAUGHT struct caught m = { 0 };

		if (!caught_read(l->folder, l->caught + 1, &m))
			return;
		l->caught++;
		for (unsigned i = 0; c->mailbox && i < c->outside_count; i++)
			if (strchr(c->mailbox, '@') && strchr(c->outside[i], '@') &&
			    !strcmp(m.recipient, c->outside[i]))
				add(l, c->outside[i], c->mailbox, true);
	}
}

void letters_try(struct letters *l, struct rehearsal *r)
{
	struct error err = { 0 };
	bool somebody = true;

	answer_canaries(l, r);
	if (stage_go_outside(r->stage, &err) < 0)
		return;
	for (size_t i = 0; i < l->n && somebody; i++)
		if (!l->rows[i].taken)
			somebody = try_one(r, &l->rows[i], i);
	stage_come_back(r->stage);
}

void letters_give_up(struct letters *l)
{
	for (size_t i = 0; i < l->n; i++) {
		l->rows[i].uncounted |= !l->rows[i].taken;
		l->rows[i].taken = true;
	}
}

/* ── counting ────────────────────────────────────────────────────────────────────────────────── */

/* A path of the copy, as another program of this host finds it; links are followed as the copy does. */
static void add_place(struct strings *words, int *fds, size_t *n, int root, const char *path)
{
	int fd = path ? file_open_below(root, path, O_PATH | O_CLOEXEC, 0) : -1;

	if (fd < 0)
		return;
	strings_addf(words, "/proc/%d/fd/%d", (int)getpid(), fd);
	fds[(*n)++] = fd;
}

/* "rehearsal.4711.move.3@" of each line. */
static void count(struct letters *l, struct span said, const char *front)
{
	struct span line;

	for (size_t i = 0; i < l->n; i++)
		l->rows[i].found = 0;
	while (span_next_line(&said, &line)) {
		ssize_t at = span_find_text(line, front);
		struct span number = span_from(line, at < 0 ? line.n : (size_t)at + strlen(front));
		uint64_t n;

		number.n = (size_t)(span_find(number, '@') < 0 ? 0 : span_find(number, '@'));
		if (span_parse_u64(number, &n) && n < l->n)
			l->rows[n].found++;
	}
}

/* Only files that came or changed since: a large mailbox is not read. */
static int look(struct letters *l, struct rehearsal *r, enum stage_side side, const char *stamp,
                struct error *err)
{
	static const char *const tail[] = { "-type", "f",        "-cnewer", NULL,   "!",
		                            "-name", "dovecot*", "-exec",   "grep", "-aohE",
		                            NULL,    "{}",       "+" };
	const struct cutover_plan *p = &r->plan->cutover;
	AUTO_FREE char *front = xasprintf("rehearsal.%u.move.", r->run);
	AUTO_FREE char *wanted = xasprintf("^Message-I[Dd]: <rehearsal\\.%u\\.move\\.[0-9]+@",
	                                   r->run);
	AUTO_FREE char *top = NULL;
	AUTO_STRINGS struct strings words = { 0 };
	AUTO_PROCESS_RESULT struct process_result said = { 0 };
	int fds[2 * CUTOVER_PEOPLE], result;
	const char *argv[2 * CUTOVER_PEOPLE + ROWS(tail) + 4];
	AUTO_CLOSE int root = -1;
	size_t n = 0, k = 0;

	stage_turn_to(r->stage, side);
	top = xasprintf("/proc/%d/root", (int)stage_pid(r->stage));
	root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_system(err, "look into the copy");
	for (size_t i = 0; i < p->people_n; i++) {
		const struct mailbox_account *a = side == STAGE_OLD ? &p->people[i].pair->from
		                                                    : &p->people[i].pair->to;

		add_place(&words, fds, &n, root, a->root);
		add_place(&words, fds, &n, root, a->inbox);
	}
	argv[k++] = "find";
	argv[k++] = "-H";
	for (size_t i = 0; i < words.n; i++)
		argv[k++] = words.rows[i];
	for (size_t i = 0; i < ROWS(tail); i++)
		argv[k++] = tail[i] ? tail[i] : i == 3 ? stamp : wanted;
	argv[k] = NULL;
	/* 1: grep found nothing, or a file has gone meanwhile */
	result = words.n ? process_run(argv, &(struct process_options){ .timeout_ms = SEARCH_MS },
	                               &said, err)
	                 : 0;
	count(l, buf_span(&said.out), front);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return result;
}

static bool is_settled(const struct letters *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->rows[i].taken || (!l->rows[i].uncounted && l->rows[i].found != 1))
			return false;
	return true;
}

static bool has_doubles(const struct letters *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->rows[i].uncounted && l->rows[i].found > 1)
			return true;
	return false;
}

static void tell_unsettled(const struct letters *l, struct rehearsal *r, enum stage_side side)
{
	const char *where = side == STAGE_OLD ? "old" : "new";

	for (size_t i = 0; i < l->n; i++) {
		const struct letter *one = &l->rows[i];
		AUTO_FREE char *name = xasprintf("%s, message %zu", one->to, i + 1);

		if (!one->taken)
			FAIL(r, "cutover.mail", name, "nobody takes it: %s", one->words);
		else if (!one->uncounted && one->found != 1)
			FAIL(r, "cutover.mail", name,
			     "it was taken, and is %u times in the mailbox on %s", one->found,
			     where);
	}
}

bool letters_settle(struct letters *l, struct rehearsal *r, enum stage_side side, const char *stamp)
{
	int64_t end = clock_monotonic_ms() + SETTLE_MS;
	unsigned doubles = 0;

	for (;;) {
		struct error err = { 0 };

		letters_try(l, r);
		if (look(l, r, side, stamp, &err) < 0) {
			FAIL(r, "cutover.mail", side == STAGE_OLD ? "old" : "new", "%s", err.text);
			return false;
		}
		if (is_settled(l))
			return true;
		/* a file that is renamed while one looks may be seen twice, but not again and again */
		doubles = has_doubles(l) ? doubles + 1 : 0;
		if (clock_monotonic_ms() > end || doubles == DOUBLES_MOST)
			break;
		clock_sleep_ms(PAUSE_MS);
	}
	tell_unsettled(l, r, side);
	return false;
}
