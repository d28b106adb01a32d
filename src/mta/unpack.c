/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/unpack.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define BLOCK 512u
#define TOGETHER_MAX (3u << 20) /* octets of one tar stream; it has to fit one frame */
#define PIECE (2u << 20)        /* octets of a long file sent at a time */
#define OCTAL_SIZE_MAX 077777777777ull

struct unpack {
	struct host *to;
	char *folder;
	struct buf stream;
};

struct unpack *unpack_new(struct host *to, const char *folder)
{
	struct unpack *u = xcalloc(1, sizeof *u);

	u->to = to;
	u->folder = xstrdup(folder);
	return u;
}

void unpack_free(struct unpack *u)
{
	free(u->folder);
	buf_fini(&u->stream);
	free(u);
}

/* Octal digits and a NUL, filling the field. */
static void put_octal(char *field, size_t room, uint64_t value)
{
	field[room - 1] = 0;
	for (size_t i = room - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

bool unpack_header(const struct unpack_file *file, char out[512])
{
	size_t n = strlen(file->path);
	int64_t seconds = file->mtime_ns / 1000000000;
	unsigned sum = 0;

	if (!n || n > 99 || file->size > OCTAL_SIZE_MAX || file->uid > 07777777 ||
	    file->gid > 07777777)
		return false;
	memset(out, 0, BLOCK);
	memcpy(out, file->path, n);
	put_octal(out + 100, 8, file->mode & 07777);
	put_octal(out + 108, 8, file->uid);
	put_octal(out + 116, 8, file->gid);
	put_octal(out + 124, 12, file->size);
	put_octal(out + 136, 12, (uint64_t)(seconds < 0 ? 0 : seconds));
	memset(out + 148, ' ', 8); /* the checksum is made as if it were blanks */
	out[156] = '0';
	memcpy(out + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)out[i];
	put_octal(out + 148, 7, sum);
	return true;
}

static int send_stream(struct unpack *u, struct error *err)
{
	const char *const arguments[] = { "--numeric-owner", "-C", u->folder, NULL };

	if (!u->stream.n)
		return 0;
	memset(buf_room(&u->stream, 2 * BLOCK), 0, 2 * BLOCK); /* the end of an archive */
	buf_grown(&u->stream, 2 * BLOCK);
	if (host_do(u->to, "file-unpack", arguments, buf_span(&u->stream), NULL, err) < 0)
		return error_context(err, "unpack in %s", u->folder);
	buf_reset(&u->stream);
	return 0;
}

static int add_header(struct unpack *u, const struct unpack_file *file, struct error *err)
{
	char header[BLOCK];

	if (!unpack_header(file, header))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
		                 "%s: too long a name, size or number", file->path);
	buf_add(&u->stream, header, sizeof header);
	return 0;
}

static int changed(const char *source, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
	                 "%s changed while it was read", source);
}

static int add_data(void *context, struct span body, struct error *err)
{
	buf_add_span(context, body);
	return 0;
}

/* Asks for a short file without waiting: so a far host is asked for many at once. */
static int ask_short(struct host *from, const char *source, const struct unpack_file *file,
                     struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", source, file->path);
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, 0);
	wire_put_u64(&body, file->size + 1);
	return host_send(from, WIRE_READ, buf_span(&body), err);
}

static int take_short(struct unpack *u, struct host *from, const struct unpack_file *file,
                      struct error *err)
{
	AUTO_BUF struct buf data = { 0 };
	size_t padding = (BLOCK - file->size % BLOCK) % BLOCK;

	if (host_collect(from, add_data, &data, NULL, err) < 0)
		return error_context(err, "%s", file->path);
	if (data.n != file->size)
		return changed(file->path, err);
	if (u->stream.n + 4 * BLOCK + data.n > TOGETHER_MAX && send_stream(u, err) < 0)
		return -1;
	if (add_header(u, file, err) < 0)
		return -1;
	buf_add_span(&u->stream, buf_span(&data));
	memset(buf_room(&u->stream, BLOCK), 0, BLOCK);
	buf_grown(&u->stream, padding);
	return 0;
}

/* A run of short files. Every answer is collected, also behind one that failed. */
static int add_short(struct unpack *u, struct host *from, const char *source,
                     const struct unpack_file *files, size_t n, struct error *err)
{
	struct error ignored;
	size_t asked = 0, taken = 0;
	int result = 0;

	while (taken < n) {
		while (result == 0 && asked < n && asked - taken < HOST_AHEAD)
			result = ask_short(from, source, &files[asked++], err);
		if (taken == asked)
			break;
		if (result == 0)
			result = take_short(u, from, &files[taken], err);
		else
			(void)!host_collect(from, NULL, NULL, NULL, &ignored);
		taken++;
		if (result < 0)
			n = asked;
	}
	return result;
}

static int append_piece(struct unpack *u, const char *of, uint64_t offset, struct span piece,
                        struct error *err)
{
	AUTO_FREE char *seek = xasprintf("seek=%llu", (unsigned long long)offset);
	const char *const arguments[] = { of, seek, NULL };

	return host_do(u->to, "file-append", arguments, piece, NULL, err);
}

/* Empty by tar, so that owner and mode are right from the start; then piece by piece; then its time. */
static int add_long(struct unpack *u, struct host *from, const char *folder,
                    const struct unpack_file *file, struct error *err)
{
	AUTO_FREE char *source = xasprintf("%s/%s", folder, file->path);
	AUTO_FREE char *path = xasprintf("%s/%s", u->folder, file->path);
	AUTO_FREE char *of = xasprintf("of=%s", path);
	AUTO_FREE char *date = xasprintf("--date=@%lld", (long long)(file->mtime_ns / 1000000000));
	const char *const time[] = { date, path, NULL };
	AUTO_BUF struct buf piece = { 0 };
	struct unpack_file empty = *file;
	uint64_t offset = 0, size = 0;

	empty.size = 0;
	if (add_header(u, &empty, err) < 0 || send_stream(u, err) < 0)
		return -1;
	while (offset < file->size) {
		if (host_read_part(from, source, offset, PIECE, &piece, &size, err) < 0)
			return -1;
		if (!piece.n || size != file->size)
			return changed(source, err);
		if (append_piece(u, of, offset, buf_span(&piece), err) < 0)
			return error_context(err, "%s", source);
		offset += piece.n;
	}
	return host_do(u->to, "file-time", time, SPAN(""), NULL, err);
}

int unpack_add(struct unpack *u, struct host *from, const char *source,
               const struct unpack_file *files, size_t n, struct error *err)
{
	size_t i = 0;

	while (i < n) {
		size_t run = 0;

		while (i + run < n && files[i + run].size <= PIECE)
			run++;
		if (run && add_short(u, from, source, &files[i], run, err) < 0)
			return -1;
		i += run;
		if (i < n && add_long(u, from, source, &files[i++], err) < 0)
			return -1;
	}
	return 0;
}

int unpack_finish(struct unpack *u, struct error *err)
{
	const char *const arguments[] = { u->folder, NULL };

	if (send_stream(u, err) < 0 ||
	    host_do(u->to, "file-sync", arguments, SPAN(""), NULL, err) < 0)
		return -1;
	return 0;
}
