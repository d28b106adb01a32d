/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/inside.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX (64u << 10) /* octets in front of a page */

/* ── what libcurl calls ──────────────────────────────────────────────────────────────────────── */

static char *printable(struct span value)
{
	AUTO_BUF struct buf out = { 0 };

	if (value.n > HTTP_TEXT_MAX / 4)
		value.n = HTTP_TEXT_MAX / 4;
	buf_add_printable(&out, value);
	return xstrdup(buf_text(&out));
}

static void take_field(struct http_answer *a, struct span line)
{
	ssize_t colon = span_find(line, ':');
	struct span name, value;

	if (colon <= 0)
		return;
	name = (struct span){ line.p, (size_t)colon };
	value = span_trim(span_from(line, (size_t)colon + 1));
	if (span_is_nocase(name, "location") && !a->location)
		a->location = printable(value);
	else if (span_is_nocase(name, "content-type") && !a->type)
		a->type = printable(value);
}

/* One line of a header; "100 Continue" and the like have one of their own, which does not count. */
static size_t on_header(char *octets, size_t size, size_t n, void *context)
{
	struct span line = { octets, size * n };
	struct job *j = context;

	j->head += line.n;
	if (j->head > HEAD_MAX) {
		j->refused = "the header of its answer has no end";
		return 0;
	}
	if (span_starts(line, "HTTP/")) {
		free(j->answer.location);
		free(j->answer.type);
		j->answer.location = j->answer.type = NULL;
	} else if (!j->has_page) {
		take_field(&j->answer, line);
	}
	return line.n;
}

static size_t on_page(char *octets, size_t size, size_t n, void *context)
{
	struct job *j = context;
	size_t room = j->asked.ask.most - j->answer.page.n;

	j->has_page = true;
	n *= size;
	buf_add(&j->answer.page, octets, n < room ? n : room);
	j->answer.cut = n > room;
	return j->answer.cut ? 0 : n;
}

static CURLcode on_context(CURL *easy, void *context, void *data)
{
	struct job *j = data;

	return tls_watch(j->tls, context, j->asked.url.host) < 0 ? CURLE_SSL_CERTPROBLEM : CURLE_OK;
}

/* The connection stands, new or not, and nothing was sent of this request. */
static int on_ready(void *data, char *there, char *here, int port_there, int port_here)
{
	struct curl_tlssessioninfo *tls = NULL;
	struct job *j = data;
	struct http_certificate *c = &j->answer.certificate;

	if (!j->asked.url.tls)
		return CURL_PREREQFUNC_OK;
	if (curl_easy_getinfo(j->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || !tls ||
	    tls->backend != CURLSSLBACKEND_OPENSSL || !tls->internals) {
		j->refused = "this libcurl does not use OpenSSL, so its certificate is not known";
		return CURL_PREREQFUNC_ABORT;
	}
	tls_tell(tls->internals, c);
	if (!c->wrong || j->asked.ask.any_certificate)
		return CURL_PREREQFUNC_OK;
	j->refused = c->words;
	return CURL_PREREQFUNC_ABORT;
}

/* ── making a request ────────────────────────────────────────────────────────────────────────── */

/* libcurl fails here only for want of memory, or where it was built without what is wanted. */
#define SET(j, option, value) ((void)curl_easy_setopt((j)->easy, (option), (value)))

/* What a request may never do, whatever is asked. -1: this libcurl can't promise it. */
static int set_limits(struct job *j)
{
	if (curl_easy_setopt(j->easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    curl_easy_setopt(j->easy, CURLOPT_PREREQFUNCTION, on_ready) != CURLE_OK ||
	    curl_easy_setopt(j->easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
	    curl_easy_setopt(j->easy, CURLOPT_PROXY, "") != CURLE_OK)
		return -1;
	SET(j, CURLOPT_PREREQDATA, j);
	SET(j, CURLOPT_NOPROXY, "*");
	SET(j, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(j, CURLOPT_NOSIGNAL, 1L);
	SET(j, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(j, CURLOPT_PATH_AS_IS, 1L);
	/* what is wrong with a certificate is found for each connection: no session is resumed */
	SET(j, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(j, CURLOPT_SSL_VERIFYPEER, 0L);
	SET(j, CURLOPT_SSL_VERIFYHOST, 0L);
	if (j->asked.url.tls &&
	    curl_easy_setopt(j->easy, CURLOPT_SSL_CTX_FUNCTION, on_context) != CURLE_OK)
		return -1;
	SET(j, CURLOPT_SSL_CTX_DATA, j);
	return 0;
}

static void add_field(struct job *j, const char *name, const char *value)
{
	AUTO_FREE char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(j->header, line);

	if (!more)
		abort();
	j->header = more;
}

static void set_request(struct job *j)
{
	const struct http_request *ask = &j->asked.ask;
	bool sends = ask->method == HTTP_POST || ask->method == HTTP_PATCH ||
	             ask->method == HTTP_PUT;

	SET(j, CURLOPT_URL, ask->url);
	if (sends) {
		SET(j, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.n);
		SET(j, CURLOPT_POSTFIELDS, ask->body.n ? ask->body.p : "");
		if (ask->type)
			add_field(j, "Content-Type", ask->type);
	}
	if (ask->method == HTTP_HEAD)
		SET(j, CURLOPT_NOBODY, 1L);
	else if (ask->method != HTTP_GET && ask->method != HTTP_POST)
		SET(j, CURLOPT_CUSTOMREQUEST, http_method_name(ask->method));
	add_field(j, "Accept", ask->accept ? ask->accept : "*/*");
	/* the server is not asked first whether a body is welcome */
	add_field(j, "Expect", "");
	if (ask->user) {
		SET(j, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(j, CURLOPT_USERNAME, ask->user);
		SET(j, CURLOPT_PASSWORD, ask->password);
	}
	if (ask->authorization)
		add_field(j, "Authorization", ask->authorization);
	SET(j, CURLOPT_HTTPHEADER, j->header);
	SET(j, CURLOPT_USERAGENT, "mailhaul/" MAILHAUL_VERSION);
}

/* By the address, whatever the name: a connection of another address is not used again for it. */
static void set_way(struct job *j)
{
	const char *address = j->asked.addresses.rows[j->address];
	bool six = strchr(address, ':');
	AUTO_FREE char *way = xasprintf("::%s%s%s:", six ? "[" : "", address, six ? "]" : "");

	j->way = curl_slist_append(NULL, way);
	if (!j->way)
		abort();
	SET(j, CURLOPT_CONNECT_TO, j->way);
}

static void drop_lists(struct job *j)
{
	curl_slist_free_all(j->header);
	curl_slist_free_all(j->way);
	j->header = j->way = NULL;
}

int job_begin(struct job *j, struct error *err)
{
	int64_t left;

	if (!j->easy)
		j->easy = curl_easy_init();
	if (!j->easy)
		abort();
	if (!j->address)
		j->end_ms = clock_monotonic_ms() + j->asked.ask.time_ms;
	left = j->end_ms - clock_monotonic_ms();
	curl_easy_reset(j->easy);
	drop_lists(j);
	http_answer_fini(&j->answer);
	j->head = 0;
	j->has_page = false;
	j->refused = NULL;
	j->words[0] = '\0';
	j->busy = true;
	if (set_limits(j) < 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s can't do what is needed", curl_version());
	set_request(j);
	set_way(j);
	SET(j, CURLOPT_TIMEOUT_MS, left > 1 ? (long)left : 1L);
	SET(j, CURLOPT_CONNECTTIMEOUT_MS, left > 1 ? (long)left : 1L);
	SET(j, CURLOPT_HEADERFUNCTION, on_header);
	SET(j, CURLOPT_HEADERDATA, j);
	SET(j, CURLOPT_WRITEFUNCTION, on_page);
	SET(j, CURLOPT_WRITEDATA, j);
	SET(j, CURLOPT_ERRORBUFFER, j->words);
	SET(j, CURLOPT_PRIVATE, j);
	return 0;
}

bool job_next(struct job *j, CURLcode result)
{
	if (result != CURLE_COULDNT_CONNECT || j->address + 1 >= j->asked.addresses.n ||
	    clock_monotonic_ms() >= j->end_ms)
		return false;
	j->address++;
	return true;
}

/* ── how it ended ────────────────────────────────────────────────────────────────────────────── */

static const struct {
	CURLcode code;
	enum error_retry retry;
	const char *words; /* NULL: libcurl's own */
} failures[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, ERROR_RETRY_NEVER, "that is no HTTP" },
	{ CURLE_WEIRD_SERVER_REPLY, ERROR_RETRY_NEVER, "that is no HTTP" },
	{ CURLE_HTTP2, ERROR_RETRY_NEVER, "that is no HTTP" },
	{ CURLE_URL_MALFORMAT, ERROR_RETRY_NEVER, "that is no address of a page" },
	{ CURLE_GOT_NOTHING, ERROR_RETRY_REACH, "the server ended the session" },
	{ CURLE_PARTIAL_FILE, ERROR_RETRY_REACH, "the server ended the session within the page" },
	{ CURLE_SSL_CONNECT_ERROR, ERROR_RETRY_REACH, NULL },
	{ CURLE_RECV_ERROR, ERROR_RETRY_REACH, NULL },
	{ CURLE_SEND_ERROR, ERROR_RETRY_REACH, NULL },
};

static int fail(const struct job *j, CURLcode result, struct error *err)
{
	long system = 0;

	if (j->refused)
		return error_set(err, ERROR_SCOPE_HOST,
		                 j->answer.certificate.wrong ? ERROR_RETRY_PERSON
		                                             : ERROR_RETRY_NEVER,
		                 0, "%s", j->refused);
	if (result == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, ETIMEDOUT,
		                 "no whole answer");
	curl_easy_getinfo(j->easy, CURLINFO_OS_ERRNO, &system);
	if (result == CURLE_COULDNT_CONNECT)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, (int)system, "connect");
	for (size_t i = 0; i < ROWS(failures); i++)
		if (failures[i].code == result)
			return error_set(err, ERROR_SCOPE_HOST, failures[i].retry, 0, "%s",
			                 failures[i].words ? failures[i].words
			                 : *j->words       ? j->words
			                                   : curl_easy_strerror(result));
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s",
	                 *j->words ? j->words : curl_easy_strerror(result));
}

int job_end(struct job *j, CURLcode result, struct error *err)
{
	const char *address = j->asked.addresses.rows[j->address];
	long status = 0, opened = 0;

	if (result == CURLE_WRITE_ERROR && j->answer.cut && !j->refused)
		result = CURLE_OK;
	if (result != CURLE_OK) {
		fail(j, result, err);
		return error_context(err, "%s", address);
	}
	curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(j->easy, CURLINFO_NUM_CONNECTS, &opened);
	if (status < 100 || status > 599)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s: that is no HTTP",
		                 address);
	j->answer.status = (unsigned)status;
	j->answer.reused = opened == 0;
	j->answer.address = xstrdup(address);
	return 0;
}

void job_fini(struct job *j)
{
	curl_easy_cleanup(j->easy);
	drop_lists(j);
	http_asked_fini(&j->asked);
	http_answer_fini(&j->answer);
	*j = (struct job){ 0 };
}
