/* SPDX-License-Identifier: BSD-2-Clause */

/* convert_files -- what lies beside mbox files, as it lies beside a Maildir. */

#include "base/memory.h"
#include "copy/convert.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)
#define OLD_NAME ".subscriptions"
#define NEW_NAME "subscriptions"

/*
 * One name a line. In version 2 (line "V\t2", an empty line) a TAB parts the components, whatever
 * the layout; before it, what the mailbox format has: '/' in mbox. Dovecot 2.2 and later read 2.
 */
static void convert_subscriptions(struct span text, struct buf *out)
{
	bool tabs = span_starts(text, "V\t2\n");
	struct span rest = text, line;

	buf_add_text(out, "V\t2\n\n");
	if (tabs)
		(void)span_next_line(&rest, &line);
	while (span_next_line(&rest, &line)) {
		if (!line.n)
			continue;
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(out, !tabs && line.p[i] == '/' ? '\t' : line.p[i]);
		buf_add_char(out, '\n');
	}
}

static int put(struct pass *p, const struct mail_file *file, struct span text, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(p->new_host);
	const struct mailbox_account *to = p->account->to;
	const struct digest digest = digest_of(text);
	const struct mailbox_file target = {
		.root = to->root,
		.path = file->path,
		.mode = file->mode & 0666,
		.uid = to->uid,
		.gid = to->gid,
		.mtime_ns = file->mtime_ns,
	};

	if (mailbox_put_file(writer, &target, err) < 0 ||
	    mailbox_put_bytes(writer, text, err) < 0 ||
	    mailbox_put_done(writer, &digest, err) < 0 || mailbox_commit(writer, NULL, err) < 0)
		return -1;
	return beside_put(p->state,
	                  &(struct beside_record){
				  .account = p->account->from->user,
				  .place = "root",
				  .path = file->path,
				  .target = "",
				  .size = file->size,
				  .mtime_ns = file->mtime_ns,
				  .digest = digest,
			  },
	                  err);
}

/* So that pass_files() finds the same on both sides, and leaves it. */
static void list(struct mail_listing *l, const struct mail_file *file)
{
	struct mail_file *there = mail_listing_find_file(l, file->place, file->path);
	struct mail_file made = *file;

	made.path = xstrdup(file->path);
	if (there) {
		mail_file_fini(there);
		*there = made;
		return;
	}
	mail_listing_take_file(l, &made);
	mail_listing_sort(l);
}

static int bring_subscriptions(struct pass *p, const struct mail_file *old, struct mail_file *made,
                               struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", p->account->from->root, old->path);
	const struct mail_file *there = mail_listing_find_file(&p->new, MAIL_PLACE_ROOT,
	                                                       made->path);
	AUTO_BUF struct buf text = { 0 }, converted = { 0 };

	if (host_read(p->old_host, path, FILE_MAX, &text, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	convert_subscriptions(buf_span(&text), &converted);
	made->mode = S_IFREG | (old->mode & 0666);
	made->mtime_ns = old->mtime_ns;
	made->size = converted.n;
	if (there && there->size == made->size && there->mtime_ns == made->mtime_ns &&
	    known_find_file(&p->known, "root", made->path))
		return 1;
	p->out->files++;
	return p->options->dry_run || put(p, made, buf_span(&converted), err) == 0 ? 1 : -1;
}

int convert_files(struct pass *p, struct error *err)
{
	struct mail_file made = { .place = MAIL_PLACE_ROOT, .path = (char *)(uintptr_t)NEW_NAME };
	const struct mail_file *old = mail_listing_find_file(&p->old, MAIL_PLACE_ROOT, OLD_NAME);
	int brought = old ? bring_subscriptions(p, old, &made, err) : 0;

	if (brought < 0)
		return -1;
	/* UIDVALIDITY counters, ACLs, indexes: of another format, at another place */
	for (size_t i = 0; i < p->old.files_n; i++) {
		const char *path = p->old.files[i].path;

		if (span_ends(span_of(path), "dovecot-acl"))
			strings_addf(&p->out->skipped, "%s: not carried to a Maildir", path);
		mail_file_fini(&p->old.files[i]);
	}
	p->old.files_n = 0;
	if (!brought)
		return 0;
	list(&p->old, &made);
	list(&p->new, &made);
	return 0;
}
