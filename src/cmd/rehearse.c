/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/open.h"
#include "mailauth/mailauth.h"
#include "rehearse/rehearse.h"
#include "state/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "rehearsal" /* in the move's folder: what the last one has caught */
#define SCRATCH "cutover"  /* in that: the state of a cut-over that is rehearsed */
#define TOPIC "rehearse"
#define WAIT_S 60

struct options {
	bool all, cutover;
	uint64_t wait_s;
	const char *ca_file;
	struct strings *only; /* borrowed */
};

static int take_options(struct cmd_run *run, struct options *o)
{
	static const struct option rows[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "no-cutover", no_argument, NULL, 'n' },
		{ "wait", required_argument, NULL, 'w' },
		{ "ca-file", required_argument, NULL, 'c' },
		{ "only", required_argument, NULL, 'o' },
		{ 0 },
	};
	bool no_cutover = false;
	int c;

	o->wait_s = WAIT_S;
	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == '?' || (c == 'w' && (!text_parse_u64(optarg, &o->wait_s) || !o->wait_s ||
		                              o->wait_s > 3600)))
			return -1;
		if (c == 'o' && !rehearse_names(optarg)) {
			fprintf(stderr, "mailhaul: --only %s: no step or failure has that name\n",
			        optarg);
			return -1;
		}
		if (c == 'o')
			strings_add(o->only, optarg);
		o->all |= c == 'a';
		no_cutover |= c == 'n';
		o->ca_file = c == 'c' ? optarg : o->ca_file;
	}
	o->cutover = !no_cutover && rehearse_tries_cutover(o->only);
	return optind == run->argc && (o->cutover || rehearse_tries_new(o->only)) ? 0 : -1;
}

/* A folder of files, and of folders of files; as of any that is not there, nothing is said. */
static void empty_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(fd, e->d_name, 0) < 0) {
			empty_folder(fd, e->d_name);
			(void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
		}
	closedir(d);
}

/* An empty folder; what the last rehearsal has left there goes. */
static int open_folder(const struct cmd_run *run, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/" FOLDER, run->move_dir);
	AUTO_CLOSE int fd = -1;
	const struct dirent *e;
	DIR *d;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_system(err, "make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, errno,
		                 "another rehearsal of this move runs");
	d = fd < 0 ? NULL : opendir(path);
	if (!d)
		return error_system(err, "open %s", path);
	while ((e = readdir(d)))
		if (span_ends(span_of(e->d_name), ".eml") ||
		    span_ends(span_of(e->d_name), ".json") ||
		    span_ends(span_of(e->d_name), ".part"))
			(void)unlinkat(fd, e->d_name, 0);
	closedir(d);
	empty_folder(fd, SCRATCH);
	return fd_take(&fd);
}

/* A move's state of its own, in which the cut-over may write what it likes. */
static int copy_state(struct cmd_run *run, const char *scratch, struct error *err)
{
	int result;

	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0)
		return -1;
	result = state_copy(run->state, scratch, err);
	state_close(run->state);
	run->state = NULL;
	return result;
}

/* What is to be known; state and hosts are closed again, because processes are forked. */
static int learn(struct cmd_run *run, struct rehearse_plan *plan, struct error *err)
{
	struct host *old = NULL;
	struct error why = { 0 };
	int result;

	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0)
		return -1;
	/* the move's own words without it */
	if (cmd_open_old(run, &old, &why) < 0)
		old = NULL;
	result = rehearse_read(plan, run->config, run->state, old, err);
	if (old)
		host_close(old);
	else
		strings_add(&plan->notes, why.text);
	state_close(run->state);
	run->state = NULL;
	return result;
}

struct last {
	char *json; /* owned */
};
static int take_last(void *context, const struct evidence_record *record, struct error *err)
{
	struct last *l = context;

	if (*record->json && rehearse_was_whole(record->json)) {
		free(l->json);
		l->json = xstrdup(record->json);
	}
	return 0;
}

static int keep(struct cmd_run *run, struct rehearse_result *r, char **json, struct error *err)
{
	const char *part = r->only.n ? ", of what was tried" : "";
	struct last last = { 0 };
	AUTO_FREE char *words = NULL;
	int result;

	if (cmd_open(run, CMD_NEEDS_STATE, err) < 0)
		return -1;
	result = evidence_walk(run->state, TOPIC, take_last, &last, err);
	if (result == 0 && last.json)
		rehearse_compare(r, last.json);
	free(last.json);
	if (result < 0)
		return -1;
	*json = rehearse_json(r);
	words = r->n ? xasprintf("%zu things would go wrong%s", r->n, part)
	             : xasprintf("nothing would go wrong%s", part);
	return evidence_put(run->state, TOPIC, words, *json, err);
}

/* A strict receiver's reasons, part by part. */
static void judge(const struct rehearse_caught *m, const char *resolver,
                  struct rehearse_verdict *out)
{
	AUTO_MAILAUTH_REQUEST struct mailauth_request ask = {
		.client = m->client, .helo = m->helo, .mail_from = m->sender, .message = m->message
	};
	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
	struct error err = { 0 };

	if (dns_servers_add_text(&ask.resolvers, resolver, &err) < 0 ||
	    mailauth_judge(&ask, &v, &err) < 0) {
		strings_addf(&out->wrong, "can't be judged: %s", err.text);
		return;
	}
	out->spf = v.spf.result == MAILAUTH_PASS;
	out->dkim = v.dkim == MAILAUTH_PASS;
	out->dmarc = v.dmarc.result == MAILAUTH_PASS;
	for (size_t i = 0; i < v.signatures_n; i++)
		if (v.signatures[i].result != MAILAUTH_PASS)
			strings_addf(&out->signatures, "the one of %s with selector \"%s\": %s",
			             v.signatures[i].domain, v.signatures[i].selector,
			             v.signatures[i].why);
	if (mailauth_accepts(&v) != MAILAUTH_PASS)
		strings_addf(&out->wrong, "SPF %s%s%s, DKIM %s%s%s, DMARC %s%s%s",
		             mailauth_result_name(v.spf.result), *v.spf.why ? ": " : "", v.spf.why,
		             mailauth_result_name(v.dkim), *v.dkim_why ? ": " : "", v.dkim_why,
		             mailauth_result_name(v.dmarc.result), *v.dmarc.why ? ": " : "",
		             v.dmarc.why);
}

struct watching {
	struct progress *progress;
	unsigned step;
};
static void show_progress(void *context, const char *words)
{
	struct watching *w = context;

	progress_at(w->progress, ++w->step, 0, 0, words);
}

static int rehearse(struct cmd_run *run, const struct options *o, struct rehearse_plan *plan,
                    struct error *err)
{
	AUTO_CLOSE int folder = open_folder(run, err);
	AUTO_FREE char *scratch = xasprintf("%s/" FOLDER "/" SCRATCH, run->move_dir);
	AUTO_REHEARSE_RESULT struct rehearse_result r = { 0 };
	struct watching w = { .progress = progress_new(run, "rehearse") };
	const struct rehearse_options options = {
		.all = o->all,
		.only = *o->only,
		.folder = folder,
		.wait_ms = (int64_t)o->wait_s * 1000,
		.ca_file = o->ca_file ? o->ca_file : run->config->rehearse.ca_file,
		.judge = judge,
		.scratch = o->cutover ? scratch : NULL,
		.progress = show_progress,
		.context = &w,
	};
	AUTO_FREE char *json = NULL;
	AUTO_BUF struct buf out = { 0 };
	bool copies = o->cutover && !plan->cutover.skipped;
	int result = folder < 0 || (copies && copy_state(run, scratch, err) < 0)
	                     ? -1
	                     : rehearse_run(plan, &options, &r, err);

	progress_free(w.progress);
	if (folder >= 0)
		empty_folder(folder, SCRATCH);
	if (result < 0)
		return -1;
	/* told even when it can't be kept: it took its time */
	result = keep(run, &r, &json, err);
	if (!json)
		json = rehearse_json(&r);
	if (run->json) {
		puts(json);
	} else {
		rehearse_add_table(&out, &r);
		fwrite(out.p, 1, out.n, stdout);
	}
	if (result < 0)
		return -1;
	return r.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int cmd_rehearse(struct cmd_run *run, struct error *err)
{
	AUTO_REHEARSE_PLAN struct rehearse_plan plan = { 0 };
	AUTO_BUF struct buf out = { 0 };
	AUTO_STRINGS struct strings only = { 0 };
	struct options o = { .only = &only };

	if (take_options(run, &o) < 0)
		return EXIT_CODE_USAGE;
	if (run->config->new_host.reach != CONFIG_LOCAL)
		return error_set(
			err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			"a rehearsal copies the host that it runs on, and new.host is a folder");
	if (learn(run, &plan, err) < 0)
		return -1;
	if (run->dry_run || geteuid() != 0) {
		rehearse_add_plan(&out, &plan);
		fwrite(out.p, 1, out.n, stdout);
	}
	if (run->dry_run)
		return EXIT_CODE_GOOD;
	if (!rehearse_tries_new(o.only) && plan.cutover.skipped)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "the cut-over can't be rehearsed: %s", plan.cutover.skipped);
	if (geteuid() == 0)
		return rehearse(run, &o, &plan, err);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "a sealed copy needs root");
	return error_hint(err,
	                  "without it, this is the plan, and `mailhaul check` asks the questions");
}
