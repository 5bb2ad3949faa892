/* http_loop.h - curl's transfers, many at a time, on the event loop. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>

struct http_loop {
	struct event_base	*base;
	CURLM			*multi;		/* takes the transfers */
	struct event		*timer;
	void			(*done)(CURL *, CURLcode, void *arg);
	void			*arg;
};

/* Done runs once for each transfer that ends by itself.  It is called from
 * within curl: it must not start, remove or free anything of curl's. */
void	http_loop_init(struct http_loop *, struct event_base *,
	    void (*done)(CURL *, CURLcode, void *arg), void *arg);
/* Call it when no transfer is under way. */
void	http_loop_free(struct http_loop *);

#endif
