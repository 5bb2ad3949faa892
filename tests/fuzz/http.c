/*
 * fuzz/http.c - a whole HTTP answer, through libcurl, http.c and consul_*.c.
 *
 * An input is the letter of a request (see ask.h), one that says how the bytes
 * come ('s': in small pieces; 'c': and before the end the request is cancelled),
 * and the bytes that Consul's port answers: status line, headers and body.
 * Where that is no whole answer, the connection ends.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "ask.h"

#define PIECE	7
/* Only one that hangs needs so long: of this process's own time, as others may
 * have the processors for longer. */
#define LIMIT	(2 * CLOCKS_PER_SEC)

static struct event_base	*base;
static struct sockaddr_un	 address = { .sun_family = AF_UNIX };
static char			 url[sizeof(address.sun_path) + 16];
static int			 listener = -1;

static void
forget_address(void)
{
	unlink(address.sun_path);
}

static void
set_up(void)
{
	snprintf(address.sun_path, sizeof(address.sun_path),
	    "/tmp/fuzz_http.%ld", (long)getpid());
	snprintf(url, sizeof(url), "unix://%s", address.sun_path);
	unlink(address.sun_path);
	base = event_base_new();
	curl_global_init(CURL_GLOBAL_DEFAULT);	/* once, and not each time */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_MUST(bind(listener, (struct sockaddr *)&address,
	    sizeof(address)) == 0 && listen(listener, 8) == 0);
	atexit(forget_address);
}

/* Consul's end of the connection, once the whole request is there. */
static int
connected(void)
{
	char	 sent[4096];
	int	 fd = -1, tries;

	for (tries = 0; fd == -1 && tries < 100; tries++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	FUZZ_MUST(fd != -1);
	for (tries = 0; tries < 100; tries++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (recv(fd, sent, sizeof(sent), 0) > 0)
			break;
	}
	return fd;
}

/* Until it is answered, or there is nothing to do any more. */
static void
loop(int times)
{
	while (times-- > 0 && ask_answers == 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
answer(int fd, const uint8_t *bytes, size_t length, bool in_pieces)
{
	size_t	 piece = in_pieces ? PIECE : length;

	for (; length > 0; length -= piece, bytes += piece) {
		if (piece > length)
			piece = length;
		if (send(fd, bytes, piece, MSG_NOSIGNAL | MSG_DONTWAIT) !=
		    (ssize_t)piece)
			break;
		loop(2);
	}
	loop(4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static char		 none[] = "";
	static struct config	 config = { .request_timeout = 3600000,
				    .consul_address = url,
				    .consul_token = none,
				    .consul_token_file = none };
	struct fuzz		 f = { bytes, length };
	enum ask_kind		 kind = ask_kind(fuzz_byte(&f));
	uint8_t			 how = fuzz_byte(&f);
	struct consul_request	*r;
	struct consul		*c;
	struct error		 err;
	clock_t			 until;
	int			 fd;

	if (base == NULL)
		set_up();
	FUZZ_MUST(consul_new(&c, base, &config, &err));
	r = ask(c, &kind);
	fd = connected();
	answer(fd, f.bytes, f.left, how == 's');
	if (how == 'c' && ask_answers == 0) {
		consul_cancel(r);
		ask_answers++;		/* it must not come any more */
	}
	shutdown(fd, SHUT_RDWR);
	until = clock() + LIMIT;
	while (ask_answers == 0 && clock() < until)
		event_base_loop(base, EVLOOP_NONBLOCK);
	FUZZ_MUST(ask_answers == 1);
	consul_free(c);
	close(fd);
	return 0;
}
