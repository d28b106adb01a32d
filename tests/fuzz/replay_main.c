/* SPDX-License-Identifier: BSD-2-Clause */

/* replay_main -- feeds the files of a folder to a fuzz target: the corpus as a test. */

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>

static int replay(const char *path)
{
	AUTO_BUF struct buf input = { 0 };
	struct error err = { 0 };

	if (file_read(path, 64u << 20, &input, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	/* a copy of exactly that size, so that the sanitizer sees a read behind its end */
	AUTO_FREE uint8_t *exact = xmalloc(input.n ? input.n : 1);
	for (size_t i = 0; i < input.n; i++)
		exact[i] = (uint8_t)input.p[i];
	(void)LLVMFuzzerTestOneInput(exact, input.n);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *entry;
	unsigned n = 0;

	if (!dir) {
		fprintf(stderr, "usage: replay FOLDER\n");
		return 64;
	}
	while ((entry = readdir(dir))) {
		AUTO_FREE char *path = xasprintf("%s/%s", argv[1], entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (replay(path) < 0)
			return 1;
		n++;
	}
	closedir(dir);
	printf("replayed %u inputs\n", n);
	/* an empty corpus proves nothing */
	return n ? 0 : 1;
}
