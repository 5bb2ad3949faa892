/*
 * bare_evhttp.c - the least that an evhttp server can do: the same answer to
 * every request.
 *
 *	bare_evhttp ADDRESS PORT BODY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

static void
answer(struct evhttp_request *req, void *arg)
{
	struct evkeyvalq	*headers =
				    evhttp_request_get_output_headers(req);
	struct evbuffer		*body = evbuffer_new();
	char			 length[32];

	evbuffer_add(body, arg, strlen(arg));
	snprintf(length, sizeof(length), "%zu", strlen(arg));
	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_send_reply(req, 200, NULL, body);
	evbuffer_free(body);
}

int
main(int argc, char **argv)
{
	struct event_base	*base = event_base_new();
	struct evhttp		*http = evhttp_new(base);

	if (argc != 4 || evhttp_bind_socket(http, argv[1],
	    (uint16_t)atoi(argv[2])) != 0) {
		fputs("usage: bare_evhttp ADDRESS PORT BODY\n", stderr);
		return EXIT_FAILURE;
	}
	evhttp_set_gencb(http, answer, argv[3]);
	event_base_dispatch(base);
	evhttp_free(http);
	event_base_free(base);
	return EXIT_SUCCESS;
}
