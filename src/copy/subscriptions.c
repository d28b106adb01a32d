/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/subscriptions.h"

#include "base/memory.h"
#include "store/courier.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)
#define NEW_NAME "subscriptions"

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

static int bring(struct pass *p, const struct mail_file *old, subscriptions_fn *convert,
                 struct mail_file *made, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", p->account->from->root, old->path);
	const struct mail_file *there = mail_listing_find_file(&p->new, MAIL_PLACE_ROOT,
	                                                       made->path);
	AUTO_BUF struct buf text = { 0 }, converted = { 0 };

	if (host_read(p->old_host, path, FILE_MAX, &text, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	convert(buf_span(&text), &converted);
	made->mode = S_IFREG | (old->mode & 0666);
	made->mtime_ns = old->mtime_ns;
	made->size = converted.n;
	if (there && there->size == made->size && there->mtime_ns == made->mtime_ns &&
	    known_find_file(&p->known, "root", made->path))
		return 1;
	p->out->files++;
	return p->options->dry_run || put(p, made, buf_span(&converted), err) == 0 ? 1 : -1;
}

int subscriptions_bring(struct pass *p, const char *old_name, subscriptions_fn *convert,
                        struct mail_file *made, struct error *err)
{
	const struct mail_file *old = mail_listing_find_file(&p->old, MAIL_PLACE_ROOT, old_name);

	*made = (struct mail_file){ .place = MAIL_PLACE_ROOT, .path = (char *)(uintptr_t)NEW_NAME };
	return old ? bring(p, old, convert, made, err) : 0;
}

void subscriptions_list(struct pass *p, const struct mail_file *made)
{
	list(&p->old, made);
	list(&p->new, made);
}

int subscriptions_of_courier(struct pass *p, struct error *err)
{
	struct mail_file made;
	int brought;

	if (p->account->to->format != MAILBOX_MAILDIR ||
	    mail_listing_find_file(&p->old, MAIL_PLACE_ROOT, NEW_NAME))
		return 0;
	brought = subscriptions_bring(p, "courierimapsubscribed", courier_subscriptions, &made,
	                              err);
	if (brought > 0)
		subscriptions_list(p, &made);
	return brought < 0 ? -1 : 0;
}
