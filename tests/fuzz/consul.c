/*
 * fuzz/consul.c - what consul_*.c and json.c make of an answer.
 *
 * An input is one line, "KIND STATUS INDEX LOCATION", KIND being a letter, and
 * then the body.  In the place of http.c stands one that gives it as the
 * answer.
 */
#include "ask.h"

struct http_request {
	http_cb	 cb;
	void	*arg;
};

static struct http_request	request;	/* one at a time */

bool
http_new(struct http **h, struct event_base *base, const struct config *c,
    struct error *err)
{
	(void)base, (void)c, (void)err;
	*h = NULL;
	return true;
}

void
http_free(struct http *h)
{
	(void)h;
}

bool
http_is_idle(const struct http *h)
{
	(void)h;
	return true;
}

uint16_t
http_token_mark(const struct http *h)
{
	(void)h;
	return 0;
}

const char *
http_address(const struct http *h)
{
	(void)h;
	return "http://127.0.0.1:8500";
}

struct http_request *
http_send(struct http *h, const char *method, const char *path,
    const char *body, int64_t timeout_ms, http_cb cb, void *arg)
{
	(void)h, (void)method, (void)path, (void)body, (void)timeout_ms;
	request = (struct http_request){ cb, arg };
	return &request;
}

void
http_cancel(struct http_request *r)
{
	(void)r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct config	 config = { .request_timeout = 1000 };
	struct fuzz		 f = { bytes, length };
	struct http_reply	 reply = { .text = "no answer", .location = "" };
	enum ask_kind		 kind = ask_kind(fuzz_byte(&f));
	char			*line = fuzz_until(&f, "\n"), *body, *end;
	struct consul		*c;
	struct error		 err;

	if (line == NULL)
		return 0;
	reply.status = (int)strtoul(line, &end, 10) % 1000;
	reply.index = strtoull(end, &end, 10);
	reply.location = *end == ' ' ? end + 1 : end;
	FUZZ_MUST((body = malloc(f.left + 1)) != NULL);
	memcpy(body, f.bytes, f.left);
	body[f.left] = '\0';
	reply.body = body;
	reply.length = f.left;
	FUZZ_MUST(consul_new(&c, NULL, &config, &err));
	ask(c, &kind);
	request.cb(&reply, request.arg);
	FUZZ_MUST(ask_answers == 1);
	consul_free(c);
	free(body);
	free(line);
	return 0;
}
