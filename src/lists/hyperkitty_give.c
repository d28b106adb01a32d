/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/hyperkitty_give.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDERS "/var/tmp/mailhaul-hyperkitty."
#define PART (4ull << 20)
#define PART_FED (256u << 10)
#define SILENT_MS                                                                                  \
	(3600 * 1000) /* of a full-text index that is made; else an answer comes each second */
#define LINE_MAX_KEPT (4u << 20)
#define COPIES_MAX 5u
#define END_PAUSES 1000u /* of 10 ms */

extern const char hyperkitty_web_py[];
extern const size_t hyperkitty_web_py_n;

/* One HyperKitty that is talked to. */
struct talk {
	pid_t pid;         /* 0: none */
	int jobs, answers; /* descriptors, owned; -1 */
	char folder[96];   /* below the run's; with "jobs" in it */
	struct buf rest;
	uid_t uid; /* whom it runs as */
	gid_t gid;
};

struct hyperkitty_run {
	char folder[64];
	bool looks;
	struct talk give, look; /* give: none if `looks` */
};

const char *hyperkitty_fate_name(enum hyperkitty_fate fate)
{
	static const char *const names[] = {
		[HYPERKITTY_UNKNOWN] = "not known", [HYPERKITTY_MISSING] = "missing",
		[HYPERKITTY_REFUSED] = "refused",   [HYPERKITTY_DIFFERS] = "differs",
		[HYPERKITTY_THERE] = "there",
	};

	return names[fate];
}

void hyperkitty_result_fini(struct hyperkitty_result *r)
{
	for (size_t i = 0; i < r->words_n; i++) {
		free(r->words[i].what);
		free(r->words[i].why);
	}
	free(r->words);
	free(r->fates);
	free(r->error);
	free(r->policy);
	strings_fini(&r->told);
	hyperkitty_letters_fini(&r->letters);
	*r = (struct hyperkitty_result){ 0 };
}

/* ── the program inside HyperKitty ───────────────────────────────────────────────────────────── */

static int is_lost(struct error *err)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "HyperKitty: `mailman-web shell` has ended, or says nothing");
	return error_hint(err, "--mailman-web names its program, and --user whom it runs as");
}

/* The next line that is one of ours; the caller owns it. NULL: it has ended. What else a site's own settings print is
 * left out. */
static json_t *next_answer(struct talk *t)
{
	for (;;) {
		struct pollfd p = { .fd = t->answers, .events = POLLIN };
		char *end = t->rest.n ? memchr(t->rest.p, '\n', t->rest.n) : NULL;
		ssize_t got;

		if (end) {
			size_t n = (size_t)(end - t->rest.p) + 1;
			json_t *answer = *t->rest.p == '{' ? json_loadb(t->rest.p, n, 0, NULL)
			                                   : NULL;

			buf_drop_front(&t->rest, n);
			if (answer)
				return answer;
			continue;
		}
		if (t->rest.n > LINE_MAX_KEPT)
			return NULL;
		if (poll(&p, 1, SILENT_MS) <= 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		got = read(t->answers, buf_room(&t->rest, PART_FED), PART_FED);
		if (got > 0)
			buf_grown(&t->rest, (size_t)got);
		else if (got == 0 || errno != EINTR)
			return NULL;
	}
}

/* Its program, as a file that has no name: `shell` runs what its standard input holds. */
static int open_program(const struct talk *t, struct error *err)
{
	AUTO_CLOSE int fd = memfd_create("hyperkitty_web.py", MFD_CLOEXEC);
	AUTO_FREE char *call = xasprintf("\nrun(\"%s\")\n", t->folder);

	if (fd < 0 || fd_write_all(fd, hyperkitty_web_py, hyperkitty_web_py_n) < 0 ||
	    fd_write_all(fd, call, strlen(call)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		(void)error_system(err, "a file in memory");
		return -1;
	}
	return fd_take(&fd);
}

static int start(struct talk *t, const struct hyperkitty_web *web, struct error *err)
{
	AUTO_FREE char *reuid = xasprintf("--reuid=%s", web->user ? web->user : "");
	AUTO_FREE char *regid = xasprintf("--regid=%s", web->user ? web->user : "");
	AUTO_CLOSE int in = open_program(t, err), out = -1;
	const char *argv[12];
	int pipe_ends[2], failed;
	size_t n = 0;

	if (in < 0)
		return -1;
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return error_system(err, "a pipe");
	t->answers = pipe_ends[0];
	out = pipe_ends[1];
	if (web->user && geteuid() == 0) {
		argv[n++] = "setpriv";
		argv[n++] = reuid;
		argv[n++] = regid;
		argv[n++] = "--init-groups";
	}
	argv[n++] = "env";
	argv[n++] = "PYTHONDONTWRITEBYTECODE=1";
	argv[n++] = "PYTHONWARNINGS=ignore";
	argv[n++] = "PYTHONIOENCODING=utf-8";
	argv[n++] = web->program;
	argv[n++] = "shell";
	argv[n] = NULL;
	failed = process_begin(argv, in, out, &t->pid);
	if (failed) {
		t->pid = 0;
		errno = failed;
		return error_system(err, "%s", web->program);
	}
	return 0;
}

/* It says who it is; then it gets the pipe that it waits for. */
static int greet(struct talk *t, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/jobs", t->folder), *new = xasprintf("%s.new", path);
	json_t *hello = next_answer(t);
	bool good = json_is_integer(json_object_get(hello, "uid"));

	t->uid = (uid_t)json_integer_value(json_object_get(hello, "uid"));
	t->gid = (gid_t)json_integer_value(json_object_get(hello, "gid"));
	json_decref(hello);
	if (!good)
		return is_lost(err);
	if (!t->uid) {
		error_set(
			err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			"HyperKitty would run as root, and its own user could not write its files");
		return error_hint(err, "--user names whom it runs as: www-data of Debian's");
	}
	if (mkfifo(new, 0600) < 0 || (t->uid != geteuid() && chown(new, t->uid, t->gid) < 0) ||
	    rename(new, path) < 0)
		return error_system(err, "%s", path);
	/* for reading too: else it waits for who reads. When we die, that one finds the end */
	t->jobs = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return t->jobs < 0 ? error_system(err, "%s", path) : 0;
}

static int talk_begin(struct talk *t, const char *folder, const char *name,
                      const struct hyperkitty_web *web, struct error *err)
{
	(void)snprintf(t->folder, sizeof t->folder, "%s/%s", folder, name);
	if (mkdir(t->folder, 0711) < 0 || chmod(t->folder, 0711) < 0)
		return error_system(err, "%s", t->folder);
	return start(t, web, err) < 0 || greet(t, err) < 0 ? -1 : 0;
}

/* It ends with what it reads; su(1) and such complain where they are killed. One that never got its pipe waits for
 * that. It has nothing in hand: a transaction is whole, or is not. */
static void wait_for_end(const struct talk *t)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	pid_t ended = 0;

	for (unsigned i = 0; t->jobs >= 0 && i < END_PAUSES && ended == 0; i++) {
		ended = waitpid(t->pid, NULL, WNOHANG);
		if (ended == 0)
			(void)nanosleep(&pause, NULL);
	}
	if (ended)
		return;
	(void)kill(-t->pid, SIGTERM);
	while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void talk_end(struct talk *t)
{
	if (t->jobs >= 0)
		(void)close(t->jobs);
	if (t->answers >= 0)
		(void)close(t->answers);
	if (t->pid > 0)
		wait_for_end(t);
	buf_fini(&t->rest);
}

static void empty_folder(const char *folder)
{
	static const char *const names[] = { "mbox",          "letters",   "give/jobs",
		                             "give/jobs.new", "look/jobs", "look/jobs.new" };
	static const char *const folders[] = { "give", "look" };

	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, names[i]);

		(void)unlink(path);
	}
	for (size_t i = 0; i < ROWS(folders); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", folder, folders[i]);

		(void)rmdir(path);
	}
	(void)rmdir(folder);
}

/* What those of us who were killed have left: a copy of an archive may be private. */
static void sweep(void)
{
	glob_t found = { 0 };
	struct stat st;

	(void)glob(FOLDERS "*", GLOB_NOSORT, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct span rest = span_of(found.gl_pathv[i] + strlen(FOLDERS)), pid;
		uint64_t number;

		if (span_next_part(&rest, '.', &pid) && span_parse_u64(pid, &number) &&
		    number < INT32_MAX && kill((pid_t)number, 0) < 0 && errno == ESRCH &&
		    lstat(found.gl_pathv[i], &st) == 0 && S_ISDIR(st.st_mode) &&
		    st.st_uid == geteuid())
			empty_folder(found.gl_pathv[i]);
	}
	globfree(&found);
}

int hyperkitty_begin(struct hyperkitty_run **out, const struct hyperkitty_web *web, bool looks,
                     struct error *err)
{
	AUTO_HYPERKITTY_RUN struct hyperkitty_run *run = xcalloc(1, sizeof *run);

	run->looks = looks;
	run->give.jobs = run->give.answers = run->look.jobs = run->look.answers = -1;
	sweep();
	(void)snprintf(run->folder, sizeof run->folder, FOLDERS "%ld.XXXXXX", (long)getpid());
	if (!mkdtemp(run->folder)) {
		*run->folder = '\0';
		return error_system(err, "a folder in /var/tmp");
	}
	if (chmod(run->folder, 0711) < 0)
		return error_system(err, "%s", run->folder);
	if ((!looks && talk_begin(&run->give, run->folder, "give", web, err) < 0) ||
	    talk_begin(&run->look, run->folder, "look", web, err) < 0)
		return -1;
	*out = TAKE(run);
	return 0;
}

void hyperkitty_end(struct hyperkitty_run *run)
{
	talk_end(&run->give);
	talk_end(&run->look);
	if (*run->folder)
		empty_folder(run->folder);
	free(run);
}

/* ── what it reads ───────────────────────────────────────────────────────────────────────────── */

/* An mbox, copied octet for octet; and the rows of its letters. */
struct spool {
	char mbox[96], rows[96];
	int fd; /* of the first; owned */
};

static void spool_end(struct spool *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	if (*s->mbox)
		(void)unlink(s->mbox);
	if (*s->rows)
		(void)unlink(s->rows);
}
#define AUTO_SPOOL __attribute__((cleanup(spool_end)))

static int make_file(const struct talk *t, const char *path, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || (t->uid != geteuid() && fchown(fd, t->uid, t->gid) < 0)) {
		(void)error_system(err, "%s", path);
		return -1;
	}
	return fd_take(&fd);
}

/* Until it does not grow while it is read: Mailman may write to it. A missing one: sys_errno ENOENT. */
static int copy(const struct hyperkitty_archive *a, int fd, struct error *err)
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

	if (lseek(s->fd, 0, SEEK_SET) < 0 || lists_mbox_index_file(&index, s->fd, err) < 0)
		return error_context(err, "%s", s->mbox);
	hyperkitty_letters_begin(&r->letters, &index);
	while (got > 0) {
		buf_reset(&part);
		got = pread(s->fd, buf_room(&part, PART_FED), PART_FED, at);
		if (got < 0)
			return error_system(err, "%s", s->mbox);
		hyperkitty_letters_feed(&r->letters, (struct span){ part.p, (size_t)got });
		at += got;
	}
	hyperkitty_letters_end(&r->letters);
	r->letters.index = NULL;
	return 0;
}

static int write_rows(const struct hyperkitty_run *run, struct spool *s,
                      const struct hyperkitty_result *r, struct error *err)
{
	AUTO_CLOSE int fd = make_file(&run->look, s->rows, err);
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; fd >= 0 && i < r->letters.n; i++) {
		if (!r->letters.rows[i].is_copy)
			hyperkitty_letters_json(&r->letters, i, &text);
		if (text.n < PART_FED && i + 1 < r->letters.n)
			continue;
		if (text.n && fd_write_all(fd, text.p, text.n) < 0)
			return error_system(err, "%s", s->rows);
		buf_reset(&text);
	}
	return fd < 0 ? -1 : 0;
}

static int fill(const struct hyperkitty_run *run, const struct hyperkitty_archive *a,
                struct spool *s, struct hyperkitty_result *r, struct error *err)
{
	(void)snprintf(s->mbox, sizeof s->mbox, "%s/mbox", run->folder);
	(void)snprintf(s->rows, sizeof s->rows, "%s/letters", run->folder);
	s->fd = make_file(&run->look, s->mbox, err);
	if (s->fd < 0)
		return -1;
	if (copy(a, s->fd, err) < 0) {
		/* the page of a list without one is there all the same */
		r->has_none = err->sys_errno == ENOENT && !host_is_broken(a->h);
		if (!r->has_none)
			return -1;
	}
	return read_letters(s, r, err) < 0 ? -1 : write_rows(run, s, r, err);
}

/* ── what it says ────────────────────────────────────────────────────────────────────────────── */

static void add_word(struct hyperkitty_result *r, size_t row, const char *what, const char *why)
{
	struct hyperkitty_word w = { row, xstrdup(what), xstrdup(why ? why : "") };

	ARRAY_GROW(r->words, r->words_n, r->words_room);
	r->words[r->words_n++] = w;
}

static const char *text_of(json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static uint64_t number_at(json_t *list, size_t i)
{
	json_int_t n = json_integer_value(json_array_get(list, i));

	return n > 0 ? (uint64_t)n : 0;
}

static void take_given(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	r->new += !strcmp(text_of(answer, "fate"), "new");
	if (strcmp(text_of(answer, "fate"), "refused") != 0)
		return;
	r->fates[row] = HYPERKITTY_REFUSED;
	add_word(r, row, "refused", text_of(answer, "why"));
}

static void take_altered(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "altered"), i,
	                   one) if (json_string_value(json_array_get(one, 0)))
		add_word(r, row, json_string_value(json_array_get(one, 0)),
	                 json_string_value(json_array_get(one, 1)));
}

static void take_looked(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	json_t *octets = json_object_get(answer, "octets"), *differs, *one;
	const char *fate = text_of(answer, "fate");
	AUTO_BUF struct buf words = { 0 };
	size_t i;

	take_altered(r, row, answer);
	if (!strcmp(fate, "refused") && r->fates[row] != HYPERKITTY_REFUSED)
		take_given(r, row, answer);
	if (!strcmp(fate, "missing") && r->fates[row] != HYPERKITTY_REFUSED)
		r->fates[row] = HYPERKITTY_MISSING;
	if (strcmp(fate, "there") != 0)
		return;
	r->fates[row] = HYPERKITTY_THERE;
	r->text += number_at(octets, 0);
	r->text_there += number_at(octets, 1);
	r->files += number_at(octets, 2);
	r->files_there += number_at(octets, 3);
	differs = json_object_get(answer, "differs");
	json_array_foreach(differs, i, one)
		buf_addf(&words, "%s%s", i ? ", " : "", json_string_value(one));
	if (!words.n)
		return;
	r->fates[row] = HYPERKITTY_DIFFERS;
	add_word(r, row, "differs", buf_text(&words));
}

static void take_end(struct hyperkitty_result *r, json_t *answer)
{
	const char *error = text_of(answer, "error"), *policy = text_of(answer, "policy");
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "told"), i,
	                   one) if (json_string_value(one) &&
	                            !strings_has(&r->told, json_string_value(one)))
		strings_add(&r->told, json_string_value(one));
	if (*error && !r->error)
		r->error = xstrdup(error);
	if (*policy && !r->policy)
		r->policy = xstrdup(policy);
}

static int ask(struct hyperkitty_run *run, bool looks, const struct hyperkitty_archive *a,
               const struct spool *s, struct hyperkitty_result *r, struct error *err)
{
	json_t *job = json_pack("{s:s, s:s, s:b, s:b, s:s, s:b, s:s, s:s}", "do",
	                        looks ? "look" : "give", "list", a->address, "private",
	                        a->is_private, "empty", !r->letters.n, "charset", a->charset,
	                        "index", a->index && !looks, "mbox", s->mbox, "letters", s->rows);
	AUTO_FREE char *text = json_dumps(job, JSON_COMPACT | JSON_ENSURE_ASCII);
	AUTO_FREE char *line = text ? xasprintf("%s\n", text) : NULL;
	struct talk *t = looks ? &run->look : &run->give;
	size_t letters = r->letters.n - r->letters.copies,
	       done = looks && !run->looks ? letters : 0;

	json_decref(job);
	if (!line || fd_write_all(t->jobs, line, strlen(line)) < 0)
		return error_system(err, "a question to HyperKitty");
	for (;;) {
		json_t *answer = next_answer(t);
		json_int_t row = json_integer_value(json_object_get(answer, "n"));

		if (!answer)
			return is_lost(err);
		if (json_object_get(answer, "list")) {
			take_end(r, answer);
			json_decref(answer);
			return 0;
		}
		if (json_is_integer(json_object_get(answer, "n")) && row >= 0 &&
		    (size_t)row < r->letters.n) {
			if (looks)
				take_looked(r, (size_t)row, answer);
			else
				take_given(r, (size_t)row, answer);
			if (a->progress)
				a->progress(a->context, ++done, run->looks ? letters : 2 * letters,
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
	AUTO_SPOOL struct spool s = { .fd = -1 };

	if (fill(run, a, &s, r, err) < 0)
		return -1;
	r->fates = xcalloc(r->letters.n + 1, 1);
	if (!run->looks && ask(run, false, a, &s, r, err) < 0)
		return -1;
	/* the reason why nothing was given is enough */
	if (!r->error && ask(run, true, a, &s, r, err) < 0)
		return -1;
	count(r);
	return 0;
}
