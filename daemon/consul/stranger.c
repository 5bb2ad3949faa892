/* stranger.c - another agent with our service id in our Consul agent. */

#include "stranger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "log.h"
#include "must.h"
#include "notify.h"
#include "runfile.h"
#include "timer.h"

#define RETRY	250	/* ms */
/* A Consul that does not answer by then can't tell: the guard of a run that was
 * killed waits for us. */
#define NO_ANSWER	500	/* ms */
#define PATIENCE_MAX	60000	/* ms */

void
stranger_make_mark(const struct config *c, char mark[STRANGER_MARK])
{
	char	word[64], host[65] = "?";

	runfile_mark(c, word, sizeof word);
	gethostname(host, sizeof host - 1);
	snprintf(mark, STRANGER_MARK, "%s host %s, config %.300s", word, host,
	    c->file);
}

/* Up to the space. */
static bool
same_word(const char *a, const char *b)
{
	size_t	n = strcspn(a, " ");

	return n == strcspn(b, " ") && strncmp(a, b, n) == 0;
}

bool
stranger_wrote(const struct consul_reply *r, const char *mark,
    const char *check_url)
{
	bool	listens_there = same_word(r->check, check_url);

	/* An older version says where it listens, another program nothing. */
	if (r->agent[0] == '\0')
		return r->check[0] != '\0' && !listens_there;
	return !same_word(r->agent, mark) && !(listens_there &&
	    strcmp(r->agent + strcspn(r->agent, " "),
	    mark + strcspn(mark, " ")) == 0);
}

bool
stranger_may_live(const struct consul_reply *r)
{
	if (r->outcome == CONSUL_GONE)
		return false;
	return r->outcome != CONSUL_OK ||
	    strcmp(r->check_status, "critical") != 0 ||
	    r->check_output[0] == '\0' ||	/* not polled yet */
	    strncmp(r->check_output, "HTTP GET ", 9) == 0;
}

bool
stranger_is_dead(const struct consul_reply *r, const char *who)
{
	if (stranger_may_live(r))
		return false;
	log_warning("Taking over a registration of an agent that does not "
	    "answer any more: %s", who);
	return true;
}

int64_t
stranger_patience_ms(const struct consul_reply *r)
{
	int64_t	every = 10000, limit = 1000, failures = 3;

	sscanf(r->check, "%*s every %" SCNd64 " ms, time-out %" SCNd64
	    " ms, %" SCNd64, &every, &limit, &failures);
	if (every < 0 || every > 60000 || limit < 0 || limit > 60000 ||
	    failures < 0 || failures > 100)
		return PATIENCE_MAX;
	every = (failures + 1) * (every + limit);
	return every < PATIENCE_MAX ? every : PATIENCE_MAX;
}

void
stranger_explain(const struct consul_reply *r, const struct config *c,
    const char *mark, char *text, size_t size)
{
	const char	*he = strchr(r->agent, ' ');

	snprintf(text, size, "another agent (%.300s; its check: %.100s) has "
	    "registered service id \"%.63s\" in the Consul agent that this one "
	    "(%.300s) uses: stop one of them, or give this one another "
	    "[service] id, or the [consul] address of its own node",
	    he == NULL ? "an older version" : he + 1, r->check, c->service_id,
	    strchr(mark, ' ') + 1);
}

/*
 * At the start:  own_service -> own_check, again until it is clear.
 */
struct start {
	const struct config	*config;
	const char		*check_url;
	char			 mark[STRANGER_MARK];
	struct event_base	*base;
	struct consul		*consul;
	struct event		*again, *silence;
	int64_t			 until;		/* 0: nobody seen yet */
	char			 who[1024];
	bool			 yes;
	struct error		*err;
};

static void
start_end(struct start *s, bool yes)
{
	s->yes = yes;
	event_base_loopbreak(s->base);
}

static void
start_checked(const struct consul_reply *r, void *arg)
{
	struct start	*s = arg;
	struct timeval	 pause = { 0, RETRY * 1000 };

	if (stranger_is_dead(r, s->who))
		start_end(s, true);
	else if (clock_ms() >= s->until)
		start_end(s, error_set(s->err, "not started, and the copy is "
		    "left as it is: %s", s->who));
	else
		event_add(s->again, &pause);
}

static void
start_looked(const struct consul_reply *r, void *arg)
{
	struct start	*s = arg;

	if (r->outcome != CONSUL_OK ||
	    !stranger_wrote(r, s->mark, s->check_url)) {
		start_end(s, true);
		return;
	}
	event_del(s->silence);
	if (s->until == 0) {
		notify_send("EXTEND_TIMEOUT_USEC=%" PRId64,
		    stranger_patience_ms(r) * 1000 + PATIENCE_MAX * 1000);
		s->until = clock_ms() + stranger_patience_ms(r);
		stranger_explain(r, s->config, s->mark, s->who, sizeof s->who);
		log_info("Waiting up to %.0f s until Consul's check says "
		    "whether it lives: %s",
		    (double)stranger_patience_ms(r) / 1000, s->who);
	}
	consul_own_check(s->consul, s->config->service_id, start_checked, s);
}

static void
start_silent(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_end(arg, true);
}

static void
start_ask(evutil_socket_t fd, short what, void *arg)
{
	struct start	*s = arg;

	(void)fd;
	(void)what;
	consul_own_service(s->consul, s->config->service_id, start_looked, s);
}

bool
stranger_lets_us_start(const struct config *c, const char *check_url,
    struct error *err)
{
	struct start		s = { .config = c, .check_url = check_url,
				    .err = err };
	const struct timeval	no_answer = { 0, NO_ANSWER * 1000 };

	stranger_make_mark(c, s.mark);
	s.base = must(event_base_new());
	if (consul_new(&s.consul, s.base, c, err)) {
		s.again = timer_new(s.base, start_ask, &s);
		s.silence = timer_new(s.base, start_silent, &s);
		event_add(s.silence, &no_answer);
		event_active(s.again, 0, 0);
		event_base_dispatch(s.base);
		event_free(s.again);
		event_free(s.silence);
	}
	consul_free(s.consul);
	event_base_free(s.base);
	return s.yes;
}
