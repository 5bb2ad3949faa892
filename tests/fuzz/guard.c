/*
 * fuzz/guard.c - guard.c, and what a guard may send to its agent.
 *
 * An input is the guard's first message, COUNTED (a length of two bytes and so
 * many), and then a list of steps, each a letter and what it needs:
 *
 *	m COUNTED	the guard sends these bytes
 *	e		it ends
 *	l BYTE		the agent gives it a lease (odd: and wants a demotion)
 *	r, x		it tells the process of the role handler; ends the lease
 *	t BYTE		time passes: BYTE * 100 ms
 */
#include <sys/socket.h>

#include "clock.h"
#include "fake_child.h"
#include "guard.h"

static char	 leave_word[] = "leave";
static char	*const leave[] = { leave_word, NULL };
static char	 word[] = "app";
static const struct config	 config = { .service_name = word,
				    .service_id = word, .run_dir = word,
				    .state_dir = word,
				    .on_fence_failure = word };
static const struct plugin_description	plugin = {
	.image = { .fd = STDERR_FILENO, .path = "/p.so" } };

static const uint8_t	*first;		/* message */
static size_t		 first_length;
static int64_t		 now;
static bool		 over;		/* no word is to come */

int64_t
clock_ms(void)
{
	return now;
}

static void
child_begin(void)
{
	if (first_length == 0 || send(child_channel, first, first_length,
	    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		child_hang_up();
}

static void
told(enum core_guard what, int64_t until, const char *text, void *arg)
{
	(void)until, (void)arg;
	FUZZ_MUST(!over && what <= CORE_GUARD_FAILED);
	fuzz_read(text);
}

static void
step(struct guard *g, struct fuzz *f)
{
	const uint8_t	*bytes;
	size_t		 length;
	uint8_t		 how;

	switch (fuzz_byte(f)) {
	case 'm':
		bytes = fuzz_counted(f, &length);
		if (child_channel != -1)
			send(child_channel, bytes, length,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 'e':
		child_hang_up();
		break;
	case 'l':
		how = fuzz_byte(f);
		guard_lease(g, now + how, now + how + 1000, 0, how, "n1",
		    "s1", how % 2 == 1);
		break;
	case 'r':
		guard_role(g, CHILD_PID);
		break;
	case 'x':
		guard_end(g);
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
	struct guard			*g;
	struct error			 err;
	int64_t				 inherited;

	if (base == NULL)
		base = event_base_new();
	now = 1000000;
	over = false;
	first = fuzz_counted(&f, &first_length);
	if (!guard_new(&g, base, &config, &plugin, leave, told, NULL, &err)) {
		FUZZ_MUST(g == NULL && err.text[0] != '\0');
	} else if (guard_start(g, &inherited, &err)) {
		while (f.left > 0) {
			step(g, &f);
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		guard_free(g, true);
	} else {
		FUZZ_MUST(err.text[0] != '\0');
		guard_free(g, false);
	}
	over = true;
	event_base_loop(base, EVLOOP_NONBLOCK);
	child_hang_up();
	return 0;
}
