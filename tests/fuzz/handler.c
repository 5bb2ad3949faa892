/*
 * fuzz/handler.c - handler.c, and what a handler may send to it.
 *
 * An input is a list of steps, each a letter and what it needs:
 *
 *	m COUNTED	the handler sends these bytes as one message (COUNTED: a
 *			length of two bytes, and so many)
 *	o COUNTED	the plugin prints these bytes
 *	c BYTE		the agent makes a call: BYTE % 6 says which, one above
 *			127 has no time at all
 *	x		it cancels that
 *	r		it reloads
 *	e BYTE		the handler ends so (odd: and is never reaped)
 *	t BYTE		time passes: BYTE * 100 ms
 */
#include <errno.h>
#include <sys/socket.h>

#include <consul-failover/plugin.h>

#include "clock.h"
#include "fake_child.h"
#include "handler.h"

static struct plugin_option	 options[] = {
	{ "flag", FAILOVER_STRING, NULL, "" },
	{ "limit", FAILOVER_DURATION, "2s", "" },
};

static const struct plugin_description	plugin = {
	.image = { .fd = STDERR_FILENO, .path = "/p.so" }, .name = "p", .version = "1", .summary = "",
	.abi = FAILOVER_PLUGIN_ABI, .ops = 63, .has_watch_fd = true,
	.has_start = true, .has_stop = true, .options = options,
	.option_count = 2,
};

static char	 service[] = "app";
static const struct config	 config = { .service_name = service,
				    .service_id = service,
				    .state_dir = service,
				    .service_port = 1, .log_debug = true };

static int64_t		 now;
static enum operation	 op;		/* of the call that is under way */
static bool		 calling;

int64_t
clock_ms(void)
{
	return now;
}

static void
child_begin(void)
{
	child_hangs = false;
}

static void
answered(enum handler_result result, const char *text, void *arg)
{
	(void)arg;
	FUZZ_MUST(calling);
	calling = false;
	FUZZ_MUST(result <= HANDLER_LOST);
	fuzz_read(text);
	if (result == HANDLER_LOST)	/* a REFUSED may say anything */
		return;
	FUZZ_MUST(strlen(text) < (op == OPERATION_POSITION ?
	    FAILOVER_POSITION : FAILOVER_SENTENCE));
	FUZZ_MUST(op == OPERATION_POSITION ||
	    text[strcspn(text, "\r\n")] == '\0');
}

static void
watched(void *arg)
{
	(void)arg;
}

static void
call(struct handler *h, uint8_t how)
{
	const struct handler_call	 c = {
		.op = how % OPERATIONS,
		.timeout_ms = how > 127 ? 0 : 60000,
		.what = { .epoch = 1, .node = "n1", .reason = "a test",
		    .master_host = "10.0.0.1" },
	};
	bool	 taken = handler_call(h, &c, answered, NULL);

	FUZZ_MUST(taken != calling);
	if (!taken)
		return;
	op = c.op;
	calling = true;
}

/* Each waits half a second, by no clock of ours, for a child that does not end. */
#define RELOADS	4

static int	reloads;

static void
step(struct handler *h, struct fuzz *f)
{
	const uint8_t	*bytes;
	size_t		 length;

	switch (fuzz_byte(f)) {
	case 'm':
		bytes = fuzz_counted(f, &length);
		if (child_channel != -1)
			send(child_channel, bytes, length,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 'o':
		bytes = fuzz_counted(f, &length);
		if (child_output != -1 && length <= 4096)
			FUZZ_MUST(write(child_output, bytes, length) >= 0 ||
			    errno == EAGAIN);
		break;
	case 'c':
		call(h, fuzz_byte(f));
		break;
	case 'x':
		handler_cancel(h);
		calling = false;
		break;
	case 'r':
		if (reloads++ < RELOADS)
			handler_reload(h, &plugin);
		break;
	case 'e':
		child_status = fuzz_byte(f);
		child_hangs = child_status % 2 == 1;
		child_hang_up();
		break;
	case 't':
		now += fuzz_byte(f) * 100;
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct event_base	*base;
	struct fuzz			 f = { bytes, length };
	struct handler			*h;

	if (base == NULL)
		base = event_base_new();
	now = 1000000;
	calling = child_hangs = false;
	reloads = 0;
	FUZZ_MUST((h = handler_new(base, "role", &config, &plugin, watched,
	    NULL)) != NULL);
	while (f.left > 0) {
		step(h, &f);
		event_base_loop(base, EVLOOP_NONBLOCK);
		FUZZ_MUST(handler_busy(h) == calling);
	}
	child_hangs = false;
	handler_free(h);
	child_hang_up();
	return 0;
}
