/* SPDX-License-Identifier: BSD-2-Clause */

/* step_mail -- whole messages: from outside to the people here, from here to the outside, and what became
 * of each: delivered, sent back, or still in the queue. */

#include "rehearse/steps.h"

#include "rehearse/internet.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "check/talk.h"

#include <string.h>
#include <time.h>

#define SESSION_MS 60000
#define SAMPLE 60u /* messages, where not all addresses get one */
#define LOOK_MS 100
#define ENDS_MS 300000 /* it is over as soon as nothing moves */
#define FLUSHES 2      /* new attempts for what is deferred: greylisting lets the second one in */
#define REASON_MOST 240u

static void add_sent(struct sent_list *l, const char *from, const char *to)
{
	ARRAY_GROW(l->rows, l->n, l->room);
	l->rows[l->n++] = (struct sent){ xstrdup(from), xstrdup(to), false };
}

static void add_letter(struct buf *out, const struct rehearsal *r, const char *kind, size_t n,
                       const char *from, const char *to, const char *newline)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_addf(out, "Date: %s%s", date, newline);
	buf_addf(out, "From: <%s>%sTo: <%s>%s", from, newline, to, newline);
	buf_addf(out, "Subject: rehearsal%sMessage-ID: <rehearsal.%u.%s.%zu@%s>%s%s", newline,
	         r->run, kind, n, strchr(from, '@') + 1, newline, newline);
	buf_addf(out, "A message of a rehearsal, which nobody outside of it ever sees.%s", newline);
}

/* ── in ──────────────────────────────────────────────────────────────────────────────────────── */

static bool was_refused(const struct rehearsal *r, const char *address)
{
	const char *at = strrchr(address, '@');

	for (size_t i = 0; i < r->result->n; i++) {
		const struct rehearse_failure *f = &r->result->failures[i];

		if (!strcmp(f->step, "in.rcpt") &&
		    (!strcmp(f->name, address) || (at && !strcmp(f->name, at + 1)) ||
		     !strcmp(f->name, "all")))
			return true;
	}
	return false;
}

/* What is no 2yz is the failure. */
static bool said_well(struct talk *t, struct rehearsal *r, const char *to)
{
	AUTO_BUF struct buf words = { 0 };

	if (smtp_reply_class(&t->client.reply) == 2)
		return true;
	smtp_reply_show(&words, &t->client.reply);
	FAIL(r, "in.data", to, "%.200s", buf_text(&words));
	return false;
}

/* Without its signature mail from outside is as good as most of it was for decades. */
static void sign(struct rehearsal *r, const struct internet_sender *s, struct buf *letter)
{
	struct error err = { 0 };

	if (!r->signing->key || signing_add(r->signing, s, letter, &err) == 0)
		return;
	strings_addf(&r->result->notes, "mail from outside is not signed: %s", err.text);
	signing_fini(r->signing);
}

/* What a receiver makes of it on its way here: once for each sender, so that it is this host's doing if
 * mail from outside is not as good as it can be. */
static void judge_letter(struct rehearsal *r, const struct internet_sender *s,
                         const struct rehearse_caught *m)
{
	bool *judged = &r->judged[s - internet_senders];
	struct rehearse_verdict v = { 0 };

	if (*judged || !r->options->judge)
		return;
	*judged = true;
	r->options->judge(m, INTERNET_RESOLVER, &v);
	if (v.spf && v.dkim && v.dmarc)
		strings_addf(&r->result->proof, "mail from %s passes SPF, DKIM and DMARC",
		             s->domain);
	for (size_t i = 0; i < v.wrong.n; i++)
		strings_addf(&r->result->notes, "mail from %s: %s", s->domain, v.wrong.rows[i]);
	strings_fini(&v.wrong);
	strings_fini(&v.signatures);
}

static int send_letter(struct talk *t, struct rehearsal *r, const struct internet_sender *s,
                       const char *from, const char *to, struct error *err)
{
	AUTO_BUF struct buf letter = { 0 };

	if (talk_say(t, err, "MAIL FROM:<%s>", from) < 0)
		return -1;
	if (!said_well(t, r, to))
		return 0;
	if (talk_say(t, err, "RCPT TO:<%s>", to) < 0)
		return -1;
	if (said_well(t, r, to)) {
		add_letter(&letter, r, "in", r->in.n, from, to, "\r\n");
		sign(r, s, &letter);
		judge_letter(r, s,
		             &(struct rehearse_caught){ t->link.from, s->host, from, to,
		                                        buf_span(&letter) });
		if (talk_send(t, buf_span(&letter), err) < 0)
			return -1;
		if (said_well(t, r, to))
			add_sent(&r->in, from, to);
		return 0;
	}
	return talk_say(t, err, "RSET");
}

static void send_letters(struct rehearsal *r, size_t sender, const char *to_address,
                         const struct strings *to)
{
	const struct internet_sender *s = &internet_senders[sender];
	AUTO_TALK struct talk t = { .name = s->host,
		                    .link.from = strchr(to_address, ':') ? s->v6 : s->v4 };
	struct error err = { 0 };

	if (!to->n)
		return;
	if (talk_open(&t, to_address, 25, SMTP_TLS_NEVER, NULL, SESSION_MS, &err) < 0) {
		FAIL(r, "in.data", to_address, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < to->n; i++) {
		/* what is sent back comes to an address that tells which message it was */
		AUTO_FREE char *from = xasprintf("probe-%zu@%s", r->in.n, s->domain);

		r->asked++;
		if (send_letter(&t, r, s, from, to->rows[i], &err) < 0) {
			FAIL(r, "in.data", to->rows[i], "%s", err.text);
			return;
		}
	}
}

/* Each way in (sender, address of the copy) gets its share. */
void step_letters(struct rehearsal *r)
{
	const struct rehearse_plan *p = r->plan;
	size_t step = r->options->all || p->letters.n <= SAMPLE
	                      ? 1
	                      : (p->letters.n + SAMPLE - 1) / SAMPLE;
	size_t ways = p->served.n * INTERNET_SENDERS;

	for (size_t way = 0; way < ways; way++) {
		AUTO_STRINGS struct strings to = { 0 };

		for (size_t i = 0, n = 0; i < p->letters.n; i += step, n++)
			if (n % ways == way && !was_refused(r, p->letters.rows[i]))
				strings_add(&to, p->letters.rows[i]);
		send_letters(r, way % INTERNET_SENDERS, p->served.rows[way / INTERNET_SENDERS],
		             &to);
	}
}

/* ── out ─────────────────────────────────────────────────────────────────────────────────────── */

static const char *someone_of(const struct rehearse_plan *p, const char *domain)
{
	const char *found = NULL;

	for (size_t i = 0; i < p->letters.n; i++) {
		const char *at = strrchr(p->letters.rows[i], '@');

		if (!at || strcmp(at + 1, domain) != 0)
			continue;
		found = p->letters.rows[i];
		if (strncmp(found, "postmaster@", 11) != 0 && strncmp(found, "abuse@", 6) != 0)
			break;
	}
	return found;
}

static void hand_in(struct rehearsal *r, const char *from, const char *kind, const char *domain)
{
	AUTO_FREE char *to = xasprintf("%s+%zu@%s", kind, r->out.n, domain);
	const char *const argv[] = { "sendmail", "-i", "-f", from, "--", to, NULL };
	AUTO_BUF struct buf letter = { 0 };
	AUTO_PROCESS_RESULT struct process_result said = { 0 };
	struct error err = { 0 };

	add_letter(&letter, r, "out", r->out.n, from, to, "\n");
	r->asked++;
	if (stage_run(r->stage, argv, &(struct process_options){ .input = buf_span(&letter) },
	              &said, &err) < 0 ||
	    process_expect_good(argv, &said, &err) < 0)
		FAIL(r, "out.sent", from, "%s", err.text);
	else
		add_sent(&r->out, from, to);
}

void step_out(struct rehearsal *r)
{
	for (size_t i = 0; i < r->plan->domains.n; i++) {
		const char *from = someone_of(r->plan, r->plan->domains.rows[i]);

		if (!from)
			continue;
		for (size_t k = 0; k < INTERNET_SENDERS; k++)
			hand_in(r, from, "accept", internet_senders[k].domain);
		if (i == 0) {
			hand_in(r, from, "greylist", internet_senders[0].domain);
			hand_in(r, from, "accept", INTERNET_PLAIN_DOMAIN);
		}
	}
}

/* ── what became of them ─────────────────────────────────────────────────────────────────────── */

/* "probe-17@..." -> 17; "accept+3@..." -> 3. */
static struct sent *find(struct sent_list *l, struct span address, const char *front)
{
	ssize_t at = span_find(address, '@');
	size_t n = strlen(front);
	uint64_t number;

	if (at < (ssize_t)n || !span_starts_nocase(address, front) ||
	    !span_parse_u64((struct span){ address.p + n, (size_t)at - n }, &number) ||
	    number >= l->n)
		return NULL;
	return &l->rows[number];
}

/* RFC 3464 section 2.3.6, unfolded; else the subject of the thing. */
static void add_reason(struct buf *out, struct span message)
{
	static const char key[] = "\nDiagnostic-Code:";
	ssize_t at = span_find_text(message, key);
	struct span rest = at < 0 ? SPAN("no reason is given")
	                          : span_from(message, (size_t)at + strlen(key));
	struct span line;
	bool first = true;

	while (out->n < REASON_MOST && span_next_line(&rest, &line)) {
		if (!first && (!line.n || (line.p[0] != ' ' && line.p[0] != '\t')))
			break;
		buf_addf(out, "%s%.*s", first ? "" : " ", (int)span_trim(line).n,
		         span_trim(line).p);
		first = false;
	}
	if (out->n > REASON_MOST)
		out->n = REASON_MOST;
}

static void note_caught(struct rehearsal *r, const struct caught *c)
{
	struct span to = span_of(c->recipient);
	struct sent *s = find(&r->out, to, "accept+");

	s = s ? s : find(&r->out, to, "greylist+");
	if (s) {
		s->settled = true;
		return;
	}
	s = find(&r->in, to, "probe-");
	if (s && span_find_text(buf_span(&c->message), "multipart/report") >= 0) {
		AUTO_BUF struct buf reason = { 0 };

		add_reason(&reason, buf_span(&c->message));
		FAIL(r, "in.end", s->to, "it is taken, and then sent back: %s", buf_text(&reason));
		s->settled = true;
	}
}

static void look_at_caught(struct rehearsal *r)
{
	for (;;) {
		AUTO_CAUGHT struct caught c = { 0 };

		if (!caught_read(r->options->folder, r->result->caught + 1, &c))
			return;
		r->result->caught++;
		note_caught(r, &c);
	}
}

static bool all_are_out(const struct rehearsal *r)
{
	for (size_t i = 0; i < r->out.n; i++)
		if (!r->out.rows[i].settled)
			return false;
	return true;
}

/* Until nothing is under way. 1: what is left was tried and is deferred; 0: nothing is left, or not
 * readable; -1: still under way when the time was over. */
static int await_quiet(struct rehearsal *r, int64_t end, struct queued_list *left)
{
	for (;;) {
		struct error err = { 0 };
		bool moves = false;
		int readable;

		queued_fini(left);
		readable = queues_read(r->stage, left, &err);
		look_at_caught(r);
		for (size_t i = 0; i < left->n; i++)
			moves |= !left->rows[i].deferred;
		if (readable == 0)
			moves = !all_are_out(r);
		if (readable >= 0 && !moves)
			return left->n > 0;
		if (clock_monotonic_ms() > end)
			return -1;
		clock_sleep_ms(LOOK_MS);
	}
}

static void tell_left(struct rehearsal *r, const struct queued_list *left)
{
	for (size_t i = 0; i < left->n; i++) {
		const struct queued *q = &left->rows[i];
		struct sent *in = find(&r->in, span_of(q->sender), "probe-");
		struct sent *out = find(&r->out, span_of(q->recipient), "accept+");

		out = out ? out : find(&r->out, span_of(q->recipient), "greylist+");
		if (in)
			FAIL(r, "in.end", in->to, "it stays in the queue for %s: %s", q->recipient,
			     q->reason);
		else if (out)
			FAIL(r, "out.sent", out->from, "it stays in the queue for %s: %s",
			     q->recipient, q->reason);
		else
			strings_addf(&r->result->notes, "in the queue from <%s> for %s: %s",
			             q->sender, q->recipient, q->reason);
		if (out)
			out->settled = true;
	}
}

void step_ends(struct rehearsal *r)
{
	int64_t end = clock_monotonic_ms() + ENDS_MS;
	AUTO_QUEUED struct queued_list left = { 0 };
	int state = await_quiet(r, end, &left);

	for (int i = 0; i < FLUSHES && state == 1; i++) {
		queues_flush(r->stage);
		state = await_quiet(r, end, &left);
	}
	look_at_caught(r);
	r->asked = (unsigned)(r->in.n + r->out.n);
	tell_left(r, &left);
	for (size_t i = 0; i < r->out.n; i++)
		if (!r->out.rows[i].settled)
			FAIL(r, "out.sent", r->out.rows[i].from, "a message to %s never left",
			     r->out.rows[i].to);
}
