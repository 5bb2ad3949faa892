/* http_loop.c - curl's transfers, many at a time, on the event loop. */
#include "http_loop.h"

#include "must.h"
#include "timer.h"

static void
http_loop_collect(struct http_loop *l)
{
	CURLMsg	*m;
	int	 left;

	while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		l->done(m->easy_handle, m->data.result, l->arg);
	}
}

static void
http_loop_ready_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop	*l = arg;
	int			 mask = 0, running;

	if (what & EV_READ)
		mask |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(l->multi, fd, mask, &running);
	http_loop_collect(l);
}

static void
http_loop_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop	*l = arg;
	int			 running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	http_loop_collect(l);
}

/* curl calls this from inside its own functions: only note what it wants. */
static int
http_loop_set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_loop	*l = arg;
	struct timeval		 tv = { .tv_sec = ms / 1000,
				    .tv_usec = ms % 1000 * 1000 };

	(void)multi;
	return ms < 0 ? evtimer_del(l->timer) : evtimer_add(l->timer, &tv);
}

/* A new event for each wish: curl may close a descriptor and get the same
 * number for another connection, and an old event would be deaf there. */
static int
http_loop_set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
    void *old)
{
	struct http_loop	*l = arg;
	struct event		*ev = NULL;
	int			 flags = EV_PERSIST;

	(void)easy;
	if (old != NULL)
		event_free(old);
	if (what != CURL_POLL_REMOVE) {
		if (what & CURL_POLL_IN)
			flags |= EV_READ;
		if (what & CURL_POLL_OUT)
			flags |= EV_WRITE;
		ev = must(event_new(l->base, fd, (short)flags,
		    http_loop_ready_cb, l));
		if (event_add(ev, NULL) == -1) {
			event_free(ev);
			curl_multi_assign(l->multi, fd, NULL);
			return -1;
		}
	}
	curl_multi_assign(l->multi, fd, ev);
	return 0;
}

void
http_loop_init(struct http_loop *l, struct event_base *base,
    void (*done)(CURL *, CURLcode, void *), void *arg)
{
	l->base = base;
	l->done = done;
	l->arg = arg;
	l->timer = timer_new(base, http_loop_timer_cb, l);
	l->multi = must(curl_multi_init());
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION,
	    http_loop_set_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION,
	    http_loop_set_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
}

void
http_loop_free(struct http_loop *l)
{
	curl_multi_cleanup(l->multi);
	event_free(l->timer);
}
