/*
 * consul_request.c - one request to Consul's HTTP API, from its creation to its
 * callback.
 */
#include "consul_request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "consul_answer.h"
#include "must.h"

#define CONSUL_QUOTE	300	/* characters of an answer in a message */

/*
 * Why it went wrong, for people.
 */

/* One line of printable ASCII, cut. */
static void
consul_quote(const char *words, char *out, size_t size)
{
	size_t	 n;

	for (n = 0; words[n] != '\0' && n < size - 1; n++)
		out[n] = words[n] >= ' ' && words[n] <= '~' ? words[n] :
		    strchr("\t\r\n", words[n]) ? ' ' : '?';
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* What lets a token send a request, and the file of conf/ that has it. */
struct consul_rule {
	const char	*path, *rule, *file;
};

static const struct consul_rule	consul_rules[] = {
#define AGENT(path, rule)	{ path, rule, "acl-policy.hcl" }
	AGENT("/candidates/", "key_prefix \"lock/<service>/candidates/\""),
	AGENT("/history?", "key \"lock/<service>/history\""),
	{ "/v1/kv/lock/?keys", "key_prefix \"lock/\"", "acl-status.hcl" },
	AGENT("/v1/kv/", "key \"lock/<service>/leader\""),
	AGENT("/v1/txn", "key \"lock/<service>/leader\""),
	AGENT("/v1/session/info/", "session_prefix \"\""),
	AGENT("/v1/session/", "session \"<node>\""),
	AGENT("/v1/agent/", "service \"<service>\""),
	AGENT("/v1/health/", "service \"<service>\""),
	AGENT("/v1/catalog/", "service_prefix \"\""),
#undef AGENT
};

/* NULL: no right is missing, or the token itself is. */
static const struct consul_rule *
consul_missing_rule(const struct consul_answer *a)
{
	size_t	 i;

	if (a->reply.outcome != CONSUL_DENIED ||
	    strcasestr(a->http->body, "ACL not found") != NULL)
		return NULL;
	for (i = 0; i < sizeof consul_rules / sizeof consul_rules[0]; i++)
		if (strstr(a->request->what, consul_rules[i].path) != NULL)
			return &consul_rules[i];
	return NULL;
}

static void
consul_explain(struct consul_answer *a)
{
	const struct http_reply	*h = a->http;
	const char		*words = a->words != NULL ? a->words : h->body;
	const struct consul_rule	*rule = consul_missing_rule(a);
	char			 quote[CONSUL_QUOTE + 1];

	if (h->status == 0) {
		snprintf(a->text, sizeof a->text, "%s", h->text);
		return;
	}
	consul_quote(h->location[0] != '\0' ? h->location : words, quote,
	    sizeof quote);
	snprintf(a->text, sizeof a->text, "%s at %s: answered %d%s%s%s%s%s%s",
	    a->request->what, http_address(a->request->consul->http), h->status,
	    h->location[0] != '\0' ? ", a redirect (is this Consul?) to " :
	    h->status == 200 && a->reply.outcome == CONSUL_UNKNOWN ?
	    ", which can't be understood: " : ": ",
	    quote[0] != '\0' ? quote : "(nothing)",
	    rule != NULL ? "; give the token the rule " : "",
	    rule != NULL ? rule->rule : "", rule != NULL ? " of " : "",
	    rule != NULL ? rule->file : "");
}

/*
 * A request's life.
 */

void
consul_request_free(struct consul_request *r)
{
	free(r->what);
	free(r->subject);
	free(r->escaped);
	free(r->expected);
	free(r);
}

static void
consul_done(const struct http_reply *h, void *arg)
{
	struct consul_request	*r = arg;
	struct consul_answer	 a = { .request = r, .http = h, .reply = {
	    .text = "", .sent_at_ms = h->sent_at_ms, .index = h->index,
	    .status = h->status, .too_large = h->too_large,
	    .stranger = h->stranger,
	    .filtered = h->filtered, .id = "", .node = "", .check_status = "",
	    .check_output = "", .tags = "", .address = "", .check = "",
	    .agent = "", .name = "", .hash = "", .since = "" } };

	r->running = true;
	LIST_REMOVE(r, entry);
	a.reply.outcome = h->status == 0 ? CONSUL_UNKNOWN :
	    h->status == 403 ? CONSUL_DENIED : r->read(&a);
	if (a.reply.outcome == CONSUL_UNKNOWN ||
	    a.reply.outcome == CONSUL_DENIED)
		r->consul->failed++;
	else
		r->consul->answered_at_ms = clock_ms();
	r->consul->silences += a.reply.outcome == CONSUL_UNKNOWN;
	if (a.reply.outcome != CONSUL_OK) {
		consul_explain(&a);
		a.reply.text = a.text;
	}
	r->cb(&a.reply, r->arg);	/* may free even the consul */
	consul_answer_free(&a);
	consul_request_free(r);
}

char *
consul_request_escape(const char *text)
{
	char	*out = must_zeroed(3 * strlen(text) + 1, 1), *to = out;

	for (; *text != '\0'; text++)
		if ((*text >= 'a' && *text <= 'z') ||
		    (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr("-._~/", *text))
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	*to = '\0';
	return out;
}

struct consul_request *
consul_request_new(struct consul *c, const char *subject,
    enum consul_outcome (*read)(struct consul_answer *), consul_cb cb,
    void *arg)
{
	struct consul_request	*r = must_zeroed(1, sizeof *r);

	r->consul = c;
	r->subject = must_copy(subject);
	r->escaped = consul_request_escape(subject);
	r->read = read;
	r->cb = cb;
	r->arg = arg;
	LIST_INSERT_HEAD(&c->requests, r, entry);
	return r;
}

void
consul_request_forget_old(struct consul *c)
{
	size_t	 i;

	for (i = 0; i < CONSUL_OLD_MAX; i++)
		if (c->old[i] != NULL && http_is_idle(c->old[i])) {
			http_free(c->old[i]);
			c->old[i] = NULL;
		}
}

struct consul_request *
consul_request_send(struct consul_request *r, const char *method,
    const char *body, int64_t timeout_ms, const char *fmt, ...)
{
	va_list	 ap;
	char	*path;

	va_start(ap, fmt);
	path = must_vformat(fmt, ap);
	va_end(ap);
	r->what = must_format("%s %s", method, path);
	consul_request_forget_old(r->consul);
	r->consul->asked++;
	r->http = http_send(r->consul->http, method, path, body, timeout_ms,
	    consul_done, r);
	free(path);
	return r;
}

struct consul_request *
consul_request_send_json(struct consul_request *r, const char *path, yajl_gen g)
{
	size_t	 length;

	consul_request_send(r, "PUT", json_text(g, &length), 0, "%s", path);
	json_free(g);
	return r;
}

/* Consul adds up to a sixteenth of the wait, so that not all come at once; a
 * wait of 0 would mean five minutes. */
struct consul_request *
consul_request_poll(struct consul_request *r, const char *of, const char *how,
    uint64_t index, int64_t wait_ms)
{
	if (wait_ms < 1)
		wait_ms = 1;
	return consul_request_send(r, "GET", NULL, wait_ms + wait_ms / 16 +
	    2000 + r->consul->config->request_timeout,
	    "/v1/%s/%s?%sindex=%" PRIu64 "&wait=%" PRId64 "ms", of, r->escaped,
	    how, index, wait_ms);
}

/* "10s", or "1500ms": Consul gives a TTL back as it was written. */
void
consul_request_put_duration(yajl_gen g, const char *name, int64_t ms)
{
	char	 text[32];

	snprintf(text, sizeof text, "%" PRId64 "%s",
	    ms % 1000 == 0 ? ms / 1000 : ms, ms % 1000 == 0 ? "s" : "ms");
	json_put_member(g, name, text);
}

char *
consul_request_check_id(const char *service_id)
{
	return must_format("service:%s", service_id);
}
