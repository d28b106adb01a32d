/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/hyperkitty_give.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/hyperkitty_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/var/tmp"
#define PART (4ull << 20)
#define PART_FED (256u << 10)
#define COPIES_MAX 5u

struct hyperkitty_run {
	enum hyperkitty_do what;
	struct hyperkitty_talk give, look; /* begun as that says */
};

static bool looks_behind(enum hyperkitty_do what)
{
	return what == HYPERKITTY_LOOK || what == HYPERKITTY_GIVE;
}

int hyperkitty_begin(struct hyperkitty_run **out, const struct hyperkitty_web *web,
                     enum hyperkitty_do what, struct error *err)
{
	AUTO_HYPERKITTY_RUN struct hyperkitty_run *run = xcalloc(1, sizeof *run);
	struct host *further = web->h;

	run->what = what;
	if (what != HYPERKITTY_LOOK && hyperkitty_talk_begin(&run->give, web, web->h, err) < 0)
		return -1;
	/* an agent talks to one program at a time */
	if (what == HYPERKITTY_GIVE && host_another(web->h, &further, err) < 0)
		return -1;
	if (looks_behind(what) && hyperkitty_talk_begin(&run->look, web, further, err) < 0)
		return -1;
	*out = TAKE(run);
	return 0;
}

void hyperkitty_end(struct hyperkitty_run *run)
{
	hyperkitty_talk_end(&run->give);
	hyperkitty_talk_end(&run->look);
	free(run);
}

/* ── what it reads ───────────────────────────────────────────────────────────────────────────── */

/* An mbox, copied octet for octet, and the rows of its letters: files without a name. */
struct spool {
	int mbox, rows; /* owned; -1 */
	uint64_t mbox_n, rows_n;
};

static void spool_end(struct spool *s)
{
	if (s->mbox >= 0)
		(void)close(s->mbox);
	if (s->rows >= 0)
		(void)close(s->rows);
}
#define AUTO_SPOOL __attribute__((cleanup(spool_end)))

static int make_file(struct error *err)
{
	char name[] = FOLDER "/mailhaul-hyperkitty.XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0) {
		(void)error_system(err, "a file in " FOLDER);
		return -1;
	}
	(void)unlink(name);
	return fd;
}

/* Until it does not grow while it is read: Mailman may write to it. A missing one: sys_errno ENOENT. */
static int copy(const struct hyperkitty_archive *a, int fd, uint64_t *octets, struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t have = 0, size = 1, before = 0;

	for (unsigned i = 0; i < COPIES_MAX && before != size; i++) {
		before = size;
		do {
			if (host_read_part(a->h, a->mbox, have, PART, &part, &size, err) < 0)
				return -1;
			if (part.n && fd_write_all(fd, part.p, part.n) < 0)
				return error_system(err, "a copy of %s", a->mbox);
			have += part.n;
			*octets = have;
		} while (part.n && have < size);
	}
	return 0;
}

static int read_letters(const struct spool *s, struct hyperkitty_result *r, struct error *err)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index index = { 0 };
	AUTO_BUF struct buf part = { 0 };
	ssize_t got = 1;
	off_t at = 0;

	if (lseek(s->mbox, 0, SEEK_SET) < 0 || lists_mbox_index_file(&index, s->mbox, err) < 0)
		return error_context(err, "a copy of an mbox");
	hyperkitty_letters_begin(&r->letters, &index);
	while (got > 0) {
		buf_reset(&part);
		got = pread(s->mbox, buf_room(&part, PART_FED), PART_FED, at);
		if (got < 0)
			return error_system(err, "a copy of an mbox");
		hyperkitty_letters_feed(&r->letters, (struct span){ part.p, (size_t)got });
		at += got;
	}
	hyperkitty_letters_end(&r->letters);
	r->letters.index = NULL;
	return 0;
}

static int write_rows(struct spool *s, const struct hyperkitty_result *r, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < r->letters.n; i++) {
		if (!r->letters.rows[i].is_copy)
			hyperkitty_letters_json(&r->letters, i, &text);
		if (text.n < PART_FED && i + 1 < r->letters.n)
			continue;
		if (text.n && fd_write_all(s->rows, text.p, text.n) < 0)
			return error_system(err, "rows of letters");
		s->rows_n += text.n;
		buf_reset(&text);
	}
	return 0;
}

static int fill(const struct hyperkitty_archive *a, struct spool *s, struct hyperkitty_result *r,
                struct error *err)
{
	s->mbox = make_file(err);
	s->rows = s->mbox < 0 ? -1 : make_file(err);
	if (s->rows < 0)
		return -1;
	if (copy(a, s->mbox, &s->mbox_n, err) < 0) {
		/* the page of a list without one is there all the same */
		r->has_none = err->sys_errno == ENOENT && !host_is_broken(a->h);
		if (!r->has_none)
			return -1;
	}
	return read_letters(s, r, err) < 0 ? -1 : write_rows(s, r, err);
}

/* ── giving and looking ──────────────────────────────────────────────────────────────────────── */

static int say_file(struct hyperkitty_talk *t, int fd, uint64_t octets, struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t at = 0;

	while (at < octets) {
		ssize_t got;

		buf_reset(&part);
		got = pread(fd, buf_room(&part, PART_FED), PART_FED, (off_t)at);
		if (got <= 0)
			return error_system(err, "a copy of an mbox");
		if (hyperkitty_talk_say(t, (struct span){ part.p, (size_t)got }, err) < 0)
			return -1;
		at += (uint64_t)got;
	}
	return 0;
}

static int say_job(struct hyperkitty_talk *t, const char *what, const struct hyperkitty_archive *a,
                   const struct spool *s, const struct hyperkitty_result *r, struct error *err)
{
	json_t *job = json_pack("{s:s, s:s, s:b, s:b, s:s, s:b, s:s?, s:I, s:I}", "do", what,
	                        "list", a->address, "private", a->is_private, "empty",
	                        !r->letters.n, "charset", a->charset, "index",
	                        a->index && strcmp(what, "look") != 0, "rests", a->rests, "letters",
	                        (json_int_t)s->rows_n, "mbox", (json_int_t)s->mbox_n);
	AUTO_FREE char *text = json_dumps(job, JSON_COMPACT | JSON_ENSURE_ASCII);
	AUTO_FREE char *line = text ? xasprintf("%s\n", text) : NULL;

	json_decref(job);
	if (!line)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "list %s: its name is no text", a->address);
	return hyperkitty_talk_say(t, span_of(line), err) < 0 ||
	                       say_file(t, s->rows, s->rows_n, err) < 0 ||
	                       say_file(t, s->mbox, s->mbox_n, err) < 0
	               ? -1
	               : 0;
}

static int ask(struct hyperkitty_run *run, bool looks, const struct hyperkitty_archive *a,
               const struct spool *s, struct hyperkitty_result *r, struct error *err)
{
	struct hyperkitty_talk *t = looks ? &run->look : &run->give;
	size_t letters = r->letters.n - r->letters.copies,
	       done = looks && run->what == HYPERKITTY_GIVE ? letters : 0;

	const char *what = looks ? "look" : run->what == HYPERKITTY_REMOVE ? "remove" : "give";

	if (say_job(t, what, a, s, r, err) < 0)
		return -1;
	for (;;) {
		json_t *answer = hyperkitty_talk_next(t, err);
		json_int_t row = json_integer_value(json_object_get(answer, "n"));

		if (!answer)
			return -1;
		if (json_object_get(answer, "list")) {
			hyperkitty_take_end(r, answer);
			json_decref(answer);
			return 0;
		}
		if (json_is_integer(json_object_get(answer, "n")) && row >= 0 &&
		    (size_t)row < r->letters.n) {
			if (looks)
				hyperkitty_take_looked(r, (size_t)row, answer);
			else
				hyperkitty_take_given(r, (size_t)row, answer);
			if (a->progress)
				a->progress(a->context, ++done,
				            run->what == HYPERKITTY_GIVE ? 2 * letters : letters,
				            0);
		}
		json_decref(answer);
	}
}

/* ── one archive ─────────────────────────────────────────────────────────────────────────────── */

static void count(struct hyperkitty_result *r)
{
	for (size_t i = 0; i < r->letters.n; i++) {
		enum hyperkitty_fate fate = r->fates[i];

		if (r->letters.rows[i].is_copy)
			continue;
		r->there += fate == HYPERKITTY_THERE || fate == HYPERKITTY_DIFFERS;
		r->differs += fate == HYPERKITTY_DIFFERS;
		r->refused += fate == HYPERKITTY_REFUSED;
		r->missing += fate == HYPERKITTY_MISSING || fate == HYPERKITTY_UNKNOWN;
	}
}

int hyperkitty_give(struct hyperkitty_run *run, const struct hyperkitty_archive *a,
                    struct hyperkitty_result *r, struct error *err)
{
	AUTO_SPOOL struct spool s = { .mbox = -1, .rows = -1 };

	if (fill(a, &s, r, err) < 0)
		return -1;
	r->fates = xcalloc(r->letters.n + 1, 1);
	if (run->what != HYPERKITTY_LOOK && ask(run, false, a, &s, r, err) < 0)
		return -1;
	/* the reason why nothing was given is enough */
	if (looks_behind(run->what) && !r->error && ask(run, true, a, &s, r, err) < 0)
		return -1;
	if (looks_behind(run->what))
		count(r);
	return 0;
}

int hyperkitty_ask_about(const struct hyperkitty_web *web, json_t **about, struct error *err)
{
	struct hyperkitty_talk t = { 0 };
	int result = hyperkitty_talk_begin(&t, web, web->h, err);

	if (result == 0)
		result = hyperkitty_talk_say(&t, SPAN("{\"do\": \"about\"}\n"), err);
	if (result == 0) {
		*about = hyperkitty_talk_next(&t, err);
		result = *about ? 0 : -1;
	}
	hyperkitty_talk_end(&t);
	return result;
}
