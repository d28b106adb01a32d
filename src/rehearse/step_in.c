/* SPDX-License-Identifier: BSD-2-Clause */

/* step_in -- the pretended senders knock: is everybody taken whom the old server takes, and nobody else? */

#include "rehearse/steps.h"

#include "rehearse/internet.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "check/talk.h"

#include <string.h>

#define SESSION_MS 60000
#define RECIPIENTS_EACH 50u /* of a transaction: servers take at least 100 */
#define REFUSALS_EACH 5u    /* of a session: servers slow down, and end it */
#define AGAIN_MS 1000
#define NOBODY "mailhaul-rehearsal-nobody-7f3a9c"

struct knocking {
	struct rehearsal *r;
	struct talk t;
	bool open;
	unsigned sessions, asked, refused;
};

static void hang_up(struct knocking *k)
{
	if (k->open)
		talk_fini(&k->t);
	k->open = false;
}

/* Each session comes from another sender, and over the other protocol where the copy has both. */
static int open_session(struct knocking *k, struct error *err)
{
	const struct rehearse_plan *p = k->r->plan;
	const struct internet_sender *s = &internet_senders[k->sessions % INTERNET_SENDERS];
	const char *to = p->served.rows[k->sessions % p->served.n];

	k->t = (struct talk){ .name = s->host, .link.from = strchr(to, ':') ? s->v6 : s->v4 };
	k->sessions++;
	k->asked = k->refused = 0;
	k->open = true;
	if (talk_open(&k->t, to, 25, SMTP_TLS_NEVER, NULL, SESSION_MS, err) < 0 ||
	    talk_say(&k->t, err, "MAIL FROM:<rehearsal@%s>", s->domain) < 0) {
		hang_up(k);
		return -1;
	}
	if (smtp_reply_class(&k->t.client.reply) == 2)
		return 0;
	AUTO_BUF struct buf words = { 0 };
	smtp_reply_show(&words, &k->t.client.reply);
	hang_up(k);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "MAIL FROM is answered by %.200s", buf_text(&words));
}

/* The class of the answer, 2, 4 or 5, with its words; 0: there was none, and why. */
static unsigned knock(struct knocking *k, const char *address, struct buf *words)
{
	struct error err = { 0 };

	if (k->open && (k->asked >= RECIPIENTS_EACH || k->refused >= REFUSALS_EACH))
		hang_up(k);
	if (!k->open && open_session(k, &err) < 0) {
		buf_add_text(words, err.text);
		return 0;
	}
	k->asked++;
	if (talk_say(&k->t, &err, "RCPT TO:<%s>", address) < 0) {
		hang_up(k);
		buf_add_text(words, err.text);
		return 0;
	}
	smtp_reply_show(words, &k->t.client.reply);
	if (words->n > 200)
		words->n = 200;
	k->refused += smtp_reply_class(&k->t.client.reply) != 2;
	return smtp_reply_class(&k->t.client.reply);
}

/* An address that was not taken: "ADDRESS WORDS". */
static void refuse(struct strings *refused, const char *address, const struct buf *words,
                   const char *more)
{
	strings_addf(refused, "%s %s%s", address, buf_text(words), more);
}

/* Those who are told to come again do so until they are let in, or the time is over. */
static void come_again(struct knocking *k, struct strings *waiting, struct strings *refused)
{
	int64_t end = clock_monotonic_ms() + k->r->options->wait_ms;

	while (waiting->n) {
		AUTO_STRINGS struct strings left = { 0 };
		bool last = clock_monotonic_ms() > end;

		hang_up(k);
		clock_sleep_ms(AGAIN_MS);
		for (size_t i = 0; i < waiting->n; i++) {
			AUTO_BUF struct buf words = { 0 };
			/* greylisting counts client, sender and recipient: so the same ones */
			unsigned class = knock(k, waiting->rows[i], &words);

			if (class == 4 && !last)
				strings_add(&left, waiting->rows[i]);
			else if (class != 2)
				refuse(refused, waiting->rows[i], &words,
				       class == 4 ? ", again and again" : "");
		}
		strings_fini(waiting);
		*waiting = left;
		left = (struct strings){ 0 };
	}
}

static bool is_in(const char *line, const char *domain)
{
	const char *blank = strchr(line, ' ');
	size_t n = strlen(domain);

	return blank && (size_t)(blank - line) > n && blank[-(ssize_t)n - 1] == '@' &&
	       strncmp(blank - n, domain, n) == 0;
}

/* A domain of which nobody at all is taken is one failure. */
static void tell_domain(struct rehearsal *r, const char *domain, const struct strings *refused)
{
	size_t all = 0, n = 0, first = 0;

	for (size_t i = 0; i < r->plan->taken.n; i++) {
		const char *at = strrchr(r->plan->taken.rows[i], '@');

		all += at && strcmp(at + 1, domain) == 0;
	}
	for (size_t i = refused->n; i-- > 0;)
		if (is_in(refused->rows[i], domain)) {
			n++;
			first = i;
		}
	if (n == all && n > 1) {
		FAIL(r, "in.rcpt", domain, "none of its %zu addresses is taken: %s", n,
		     refused->rows[first]);
		return;
	}
	for (size_t i = 0; n && i < refused->n; i++) {
		const char *blank = strchr(refused->rows[i], ' ');
		AUTO_FREE char *address = xstrndup(refused->rows[i],
		                                   (size_t)(blank - refused->rows[i]));

		if (is_in(refused->rows[i], domain))
			FAIL(r, "in.rcpt", address, "%s", blank + 1);
	}
}

static void tell_refused(struct rehearsal *r, const struct strings *refused)
{
	AUTO_STRINGS struct strings domains = { 0 };

	for (size_t i = 0; refused->n && i < r->plan->taken.n; i++) {
		const char *at = strrchr(r->plan->taken.rows[i], '@');

		if (at && !strings_has(&domains, at + 1))
			strings_add(&domains, at + 1);
	}
	for (size_t i = 0; i < domains.n; i++)
		tell_domain(r, domains.rows[i], refused);
}

void step_recipients(struct rehearsal *r)
{
	struct knocking k = { .r = r };
	AUTO_STRINGS struct strings waiting = { 0 }, refused = { 0 };

	for (size_t i = 0; i < r->plan->taken.n; i++) {
		const char *address = r->plan->taken.rows[i];
		AUTO_BUF struct buf words = { 0 };
		unsigned class = knock(&k, address, &words);

		r->asked++;
		if (!class && i == 0) {
			/* nobody is there: it need not be said of everyone */
			FAIL(r, "in.rcpt", "all", "%s", buf_text(&words));
			return;
		}
		if (class == 4)
			strings_add(&waiting, address);
		else if (class != 2)
			refuse(&refused, address, &words, "");
	}
	come_again(&k, &waiting, &refused);
	hang_up(&k);
	tell_refused(r, &refused);
}

/* An address that nobody has: taken where old takes everything, else refused for good. */
static void ask_nobody(struct knocking *k, const char *domain, bool taken)
{
	AUTO_FREE char *address = xasprintf(NOBODY "@%s", domain);
	AUTO_BUF struct buf words = { 0 };
	unsigned class = knock(k, address, &words);

	k->r->asked++;
	if (taken && class != 2)
		FAIL(k->r, "in.rcpt", domain,
		     "every address is taken by the old server, here %s is not: %s", address,
		     buf_text(&words));
	if (!taken && class == 2)
		FAIL(k->r, "in.unknown", domain, "%s is taken, and nobody has that address",
		     address);
}

void step_strangers(struct rehearsal *r)
{
	struct knocking k = { .r = r };
	AUTO_BUF struct buf words = { 0 };

	for (size_t i = 0; i < r->plan->whole.n; i++)
		ask_nobody(&k, r->plan->whole.rows[i], true);
	for (size_t i = 0; i < r->plan->listed.n; i++)
		ask_nobody(&k, r->plan->listed.rows[i], false);
	for (size_t i = 0; i < INTERNET_SENDERS; i++) {
		AUTO_FREE char *elsewhere = xasprintf("accept@%s", internet_senders[i].domain);

		buf_reset(&words);
		r->asked++;
		if (knock(&k, elsewhere, &words) == 2)
			FAIL(r, "in.relay", elsewhere,
			     "strangers may send through this server to everywhere: %s",
			     buf_text(&words));
	}
	hang_up(&k);
}
