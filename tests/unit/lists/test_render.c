/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/render_html.h"
#include "lists/render_parts.h"
#include "unit/unit.h"

#include <string.h>

static void text_of_mail_never_is_a_tag_nor_turns_a_line_around(void **state)
{
	static const struct {
		const char *text, *html;
	} rows[] = {
		{ "a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e",
		  "Gr\xc3\xbc\xc3\x9f"
		  "e" },
		{ "\xe2\x80\xaegpj.exe", "\xef\xbf\xbdgpj.exe" }, /* U+202E */
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "\xef\xbf\xbdx\xef\xbf\xbd" },
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "a\x01\x1b[2J\x7f\xc2\x9bz",
		  "a\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbdz" },
		{ "a\r\nb\tc", "a\nb\tc" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		render_html_text(span_of(rows[i].text), false, &out);
		assert_string_equal(buf_text(&out), rows[i].html);
	}
}

static void addresses_are_veiled_and_those_of_pages_are_links(void **state)
{
	static const struct {
		const char *text, *html;
		bool veil;
	} rows[] = {
		{ "me@example.org, @x @ y@", "me at example.org, @x @ y@", true },
		{ "<me@example.org>", "&lt;me at example.org&gt;", true },
		{ "me@example.org", "me@example.org", false },
		{ "see http://example.org/a?b=1&c=\"x\".",
		  "see <a rel=\"nofollow noopener\" href=\"http://example.org/a?b=1&amp;c=\">"
		  "http://example.org/a?b=1&amp;c=</a>&quot;x&quot;.",
		  false },
		{ "https://x.example.org/<script>",
		  "<a rel=\"nofollow noopener\" href=\"https://x.example.org/\">"
		  "https://x.example.org/</a>&lt;script&gt;",
		  true },
		{ "http:// https://. hhttp", "http:// https://. hhttp", false },
		{ "http://me@example.org/", "http://me at example.org/", true },
		{ "javascript:alert(1)", "javascript:alert(1)", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		render_html_body(span_of(rows[i].text), rows[i].veil, &out);
		assert_string_equal(buf_text(&out), rows[i].html);
	}
}

static void html_becomes_words(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	render_html_words(SPAN("<!-- no --><style>b{x:y}</style><p title=\"a>b\">One &amp; "
	                       "two&nbsp;\n three&#8364;&#0;&#xx;<br>four<script>alert('<p>')"
	                       "</SCRIPT> five<"),
	                  &out);
	assert_string_equal(buf_text(&out), "One & two three\xe2\x82\xac &#xx;\nfour five");
}

static void a_type_that_a_browser_runs_is_given_out_as_another(void **state)
{
	assert_string_equal(render_safe_extension("image/png"), "png");
	assert_string_equal(render_safe_extension("text/html"), "txt");
	assert_string_equal(render_safe_extension("image/svg+xml"), "bin");
	assert_string_equal(render_safe_extension("application/xhtml+xml"), "bin");
	assert_string_equal(render_safe_extension("application/javascript"), "bin");
	assert_string_equal(render_safe_extension(""), "bin");
}

static void take(void *context, const struct render_part *part)
{
	static const char *const kinds[] = { "text", "message", "attachment" };
	struct buf *out = context;

	buf_addf(out, "%s %s %s [", kinds[part->kind], part->type, part->name);
	buf_add_printable(out, part->kind == RENDER_PART_ATTACHMENT ? part->octets : part->text);
	buf_add_text(out, "]\n");
}

static void expect_parts(const char *message, const char *parts)
{
	AUTO_BUF struct buf out = { 0 };

	render_parts(span_of(message), take, &out);
	assert_string_equal(buf_text(&out), parts);
}

static void each_part_is_told_of_once(void **state)
{
	expect_parts("Subject: x\n\nHello\n", "text text/plain  [Hello\\x0a]\n");
	expect_parts("Content-Type: text/plain; charset=iso-8859-1\n"
	             "Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe",
	             "text text/plain  [Gr\xc3\xbc\xc3\x9f"
	             "e]\n");
	expect_parts(
		"Content-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n--b\n\nfirst\n--b\n"
		"Content-Type: image/PNG; name=\"../../a<b>.png\"\n"
		"Content-Transfer-Encoding: base64\n\niVBORw==\n--b\n"
		"Content-Type: message/rfc822\n\nFrom: A <a@example.org>\nDate: d\nSubject: "
		"s\n\ninner\n"
		"--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment;\n"
		" filename*=iso-8859-1''%FC.exe\n\nMZ\n--b--\nbehind\n",
		"text text/plain  [first\\x0a]\n"
		"attachment image/png ../../a<b>.png [\\x89PNG]\n"
		"message message/rfc822  [From: A <a@example.org>\\x0a"
		"Date: d\\x0aSubject: s\\x0a]\n"
		"text text/plain  [inner\\x0a]\n"
		"attachment application/octet-stream \xc3\xbc.exe [MZ\\x0a]\n"
		"text text/plain  [behind\\x0a]\n");
	expect_parts("Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n"
	             "Content-Type: text/html\n\n<p>html</p>\n--b--\n",
	             "text text/plain  [plain\\x0a]\n"
	             "attachment text/html  [<p>html</p>\\x0a]\n");
	expect_parts("Content-Type: text/html\n\n<p>only</p>",
	             "text text/html  [only\\x0a]\nattachment text/html  [<p>only</p>]\n");
	expect_parts("Content-Type: multipart/mixed; boundary=b\n\nno boundary\n",
	             "text multipart/mixed  [no boundary\\x0a]\n");
	expect_parts("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off",
	             "text text/plain  [cut off]\n");
}

static void parts_in_parts_end_and_the_rest_is_given_as_it_is(void **state)
{
	AUTO_BUF struct buf message = { 0 }, out = { 0 };

	for (unsigned i = 0; i < 100; i++)
		buf_addf(&message, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
	buf_add_text(&message, "\nend\n");
	render_parts(buf_span(&message), take, &out);
	assert_true(span_starts(buf_span(&out), "attachment multipart/mixed"));
	assert_true(span_find_text(buf_span(&out), "end") > 0);
	buf_reset(&message);
	buf_reset(&out);
	buf_add_text(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (unsigned i = 0; i < 600; i++)
		buf_addf(&message, "--b\n\npart %u\n", i);
	render_parts(buf_span(&message), take, &out);
	assert_true(span_find_text(buf_span(&out), "part 599") > 0);
	assert_true(span_find_text(buf_span(&out), "attachment text/plain") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_mail_never_is_a_tag_nor_turns_a_line_around),
		cmocka_unit_test(addresses_are_veiled_and_those_of_pages_are_links),
		cmocka_unit_test(html_becomes_words),
		cmocka_unit_test(a_type_that_a_browser_runs_is_given_out_as_another),
		cmocka_unit_test(each_part_is_told_of_once),
		cmocka_unit_test(parts_in_parts_end_and_the_rest_is_given_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
