/*
 * fuzz/api.c - what a client may send to the agent's own HTTP server.
 *
 * An input is what a connection brings.  Each line "%%" is a pause: the server
 * has read all before it; behind "%%end" the client says no more, and behind
 * "%%new" it is another client, beside the first.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <errno.h>
#include <unistd.h>

#include "api.h"
#include "fuzz.h"

#define CLIENTS_MAX	4

static const struct api_transition	 transitions[] = {
	{ 1795372800123, "candidate", "master", "the lock is ours \"\\\n\x01" },
	{ -1, "starting", "candidate", "bad \xff\xc3 UTF-8" },
};

static const struct api_status	 status = {
	.service = "app", .service_id = "app-1", .node = "n1",
	.plugin_name = "example", .plugin_version = "1",
	.plugin_path = "/lib/example.so",
	.consul_address = "http://127.0.0.1:8500", .role = "slave",
	.is_slave = true, .since_wall_ms = 1795372800123, .epoch = 7,
	.master_changed_wall_ms = -1, .consul_contact_age_ms = -1,
	.holder = "n2", .holder_address = "10.0.0.2", .holder_port = 3306,
	.consul_error = "", .why = "so it is", .notice = "", .health = API_HEALTH_OK,
	.health_text = "fine",
	.health_age_ms = 1500, .proof_age_ms = -1, .fuse_left_ms = -1,
	.transitions = transitions, .transition_count = 2,
};

static struct event_base	*base;
static struct api		*api;
static char			 host[32];

static void
tell(struct api_status *s, void *arg)
{
	(void)arg;
	*s = status;
}

static void
loop(void)
{
	int	 i;

	for (i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
set_up(void)
{
	unsigned	 pid = (unsigned)getpid();
	struct error	 err;
	char		 listen[64];

	/* An address that no other process has. */
	snprintf(host, sizeof(host), "127.%u.%u.%u", pid >> 16 & 255,
	    pid >> 8 & 255, pid & 255);
	snprintf(listen, sizeof(listen), "%s:7777", host);
	FUZZ_MUST((base = event_base_new()) != NULL);
	FUZZ_MUST(api_new(&api, base, listen, tell, NULL, &err));
}

static int
client_open(void)
{
	/* Ends with a reset, which leaves no port behind that has to wait. */
	struct linger		 reset = { .l_onoff = 1 };
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)api_port(api)),
				    .sin_addr.s_addr = inet_addr(host) };
	int			 fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
				    0);

	/* From one address after the other: where the server is the first to
	 * end a connection, its port waits all the same. */
	static uint32_t		 turn;
	struct sockaddr_in	 from = { .sin_family = AF_INET };

	from.sin_addr.s_addr = htonl(0x7f010000 | ++turn % 0xffff);
	FUZZ_MUST(fd != -1 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof(reset)) == 0 &&
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	/* libFuzzer's alarm interrupts it; asked again it waits for the same
	 * connection. */
	while (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EISCONN)
		FUZZ_MUST(errno == EINTR);
	loop();
	return fd;
}

/* What the server says is HTTP, or the rest of it. */
static void
client_read(int fd, bool *first)
{
	char	 text[16384];
	ssize_t	 n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n > 0 && *first) {
		FUZZ_MUST(n > 12 && memcmp(text, "HTTP/", 5) == 0);
		*first = false;
	}
}

/* One part, and what stands behind the "%%" that ended it. */
static const uint8_t *
part(struct fuzz *f, size_t *length, char *command, size_t size)
{
	const uint8_t	*bytes = f->bytes, *end;
	size_t		 skip = 3;
	char		*word;

	end = memmem(f->bytes, f->left, "\n%%", skip);
	*length = end == NULL ? f->left : (size_t)(end - f->bytes) + 1;
	fuzz_take(f, length);
	command[0] = '\0';
	if (end == NULL)
		return bytes;
	skip--;
	fuzz_take(f, &skip);
	if ((word = fuzz_until(f, "\n")) != NULL)
		snprintf(command, size, "%s", word);
	free(word);
	return bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct fuzz	 f = { bytes, length };
	int		 clients[CLIENTS_MAX], count = 1, i;
	bool		 first = true;
	char		 command[8];

	if (base == NULL)
		set_up();
	clients[0] = client_open();
	while (f.left > 0) {
		bytes = part(&f, &length, command, sizeof(command));
		send(clients[count - 1], bytes, length,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		loop();
		client_read(clients[count - 1], &first);
		if (strcmp(command, "end") == 0)
			shutdown(clients[count - 1], SHUT_WR);
		else if (strcmp(command, "new") == 0 && count < CLIENTS_MAX) {
			clients[count++] = client_open();
			first = true;
		}
	}
	loop();
	for (i = 0; i < count; i++)
		close(clients[i]);
	loop();
	return 0;
}
