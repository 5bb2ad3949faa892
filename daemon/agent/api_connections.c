/*
 * api_connections.c - which clients may stay connected to the agent's own HTTP
 * server.
 *
 * Any client may connect, so a connection costs little and lasts only while it
 * is used: it ends after API_SILENCE without a byte or API_PATIENCE without a
 * whole request, and when descriptors run low, those without a request for the
 * longest time make room for new ones.
 */
#include "api_connections.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "clock.h"
#include "must.h"
#include "timer.h"

#define API_SILENCE	5		/* seconds */
#define API_PATIENCE	10000		/* ms */
#define API_SWEEP	1000		/* ms between two looks at all */
#define API_PAUSE	10		/* ms of not accepting */
#define API_FD_MAX	512		/* descriptors, all of ours included */
#define API_FD_RESERVE	64		/* for the agent itself */
#define API_FD_ROOM	32		/* connections ended to make room */

/*
 * evhttp does not tell when it ends a connection that has asked nothing yet,
 * so we keep a reference to the bufferevent: what evhttp has freed is left
 * without callbacks.
 */
struct api_connection {
	TAILQ_ENTRY(api_connection)	 entry;
	struct api_connections		*all;
	struct bufferevent		*bev;
	int64_t				 since;	/* accepted, or last asked */
};

static struct api_connections	*api_running;	/* a process has one */

static void
api_connection_forget(struct api_connection *c)
{
	TAILQ_REMOVE(&c->all->list, c, entry);
	if (TAILQ_EMPTY(&c->all->list))
		evtimer_del(c->all->sweep);
	bufferevent_decref(c->bev);
	free(c);
}

static bool
api_connection_is_gone(const struct api_connection *c)
{
	bufferevent_event_cb	 cb;

	bufferevent_getcb(c->bev, NULL, NULL, &cb, NULL);
	return cb == NULL;
}

/* evhttp finds the end of the input, and cleans up. */
static void
api_connection_end(struct api_connection *c)
{
	if (!api_connection_is_gone(c))
		shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	api_connection_forget(c);
}

static void
api_connections_sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct api_connections	*all = arg;
	struct api_connection	*c, *next;
	int64_t			 now = clock_ms();

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&all->list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (now - c->since >= API_PATIENCE || api_connection_is_gone(c))
			api_connection_end(c);
	}
	if (!TAILQ_EMPTY(&all->list))
		timer_in(all->sweep, API_SWEEP);
}

static void
api_connections_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct api_connections	*all = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(all->listener);
}

static void
api_connections_pause(struct api_connections *all)
{
	evconnlistener_disable(all->listener);
	timer_in(all->resume, API_PAUSE);
}

/* The lowest free descriptor is as high as there are open ones. */
static bool
api_connections_is_crowded(const struct api_connections *all)
{
	struct rlimit	 limit = { .rlim_cur = API_FD_MAX };
	rlim_t		 most;
	int		 fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	most = limit.rlim_cur > 2 * API_FD_RESERVE ?
	    limit.rlim_cur - API_FD_RESERVE : limit.rlim_cur / 2;
	if (most > API_FD_MAX)
		most = API_FD_MAX;
	fd = fcntl(evconnlistener_get_fd(all->listener), F_DUPFD_CLOEXEC, 0);
	if (fd != -1)
		close(fd);
	return fd == -1 || (rlim_t)fd >= most;
}

static void
api_connections_make_room(struct api_connections *all)
{
	int	 n;

	for (n = 0; n < API_FD_ROOM && !TAILQ_EMPTY(&all->list); n++)
		api_connection_end(TAILQ_FIRST(&all->list));
	api_connections_pause(all);
}

/* Without this, libevent tries again at once, for ever.  The argument is
 * evhttp's, whose listener it is now. */
static void
api_connections_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	(void)arg;
	api_connections_make_room(api_running);
}

/* Runs for each connection that evhttp has accepted. */
static struct bufferevent *
api_connections_connected(struct event_base *base, void *arg)
{
	struct api_connections	*all = arg;
	struct api_connection	*c;
	struct bufferevent	*bev;

	if (api_connections_is_crowded(all))
		api_connections_make_room(all);
	bev = must(bufferevent_socket_new(base, -1, 0));
	c = must_zeroed(1, sizeof *c);
	bufferevent_incref(bev);
	c->all = all;
	c->bev = bev;
	c->since = clock_ms();
	if (TAILQ_EMPTY(&all->list))
		timer_in(all->sweep, API_SWEEP);
	TAILQ_INSERT_TAIL(&all->list, c, entry);
	return bev;
}

static void
api_connections_closed(struct evhttp_connection *evcon, void *arg)
{
	struct api_connections	*all = arg;
	struct bufferevent	*bev = evhttp_connection_get_bufferevent(evcon);
	struct api_connection	*c;

	TAILQ_FOREACH_REVERSE(c, &all->list, api_connection_list, entry)
		if (c->bev == bev) {
			api_connection_forget(c);
			return;
		}
}

void
api_connections_asked(struct api_connections *all,
    struct evhttp_request *req)
{
	struct evhttp_connection	*evcon;
	struct bufferevent		*bev;
	struct api_connection		*c;

	evcon = evhttp_request_get_connection(req);
	bev = evhttp_connection_get_bufferevent(evcon);
	evhttp_connection_set_closecb(evcon, api_connections_closed, all);
	TAILQ_FOREACH_REVERSE(c, &all->list, api_connection_list, entry)
		if (c->bev == bev) {
			c->since = clock_ms();
			TAILQ_REMOVE(&all->list, c, entry);
			TAILQ_INSERT_TAIL(&all->list, c, entry);
			return;
		}
}

void
api_connections_begin(struct api_connections *all, struct event_base *base,
    struct evconnlistener *listener)
{
	all->listener = listener;
	all->sweep = timer_new(base, api_connections_sweep_cb, all);
	all->resume = timer_new(base, api_connections_resume_cb, all);
}

void
api_connections_serve(struct api_connections *all, struct evhttp *http)
{
	evhttp_set_timeout(http, API_SILENCE);
	evhttp_set_bevcb(http, api_connections_connected, all);
	evconnlistener_set_error_cb(all->listener,
	    api_connections_accept_failed);
	api_running = all;
}

void
api_connections_end(struct api_connections *all)
{
	while (!TAILQ_EMPTY(&all->list))
		api_connection_forget(TAILQ_FIRST(&all->list));
	if (all->sweep != NULL)
		event_free(all->sweep);
	if (all->resume != NULL)
		event_free(all->resume);
}
