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

/* Done runs once for each transfer that ends by itself.  It comes from inside
 * of ours: it may not start, remove or free anything of curl's there. */
void	http_loop_init(struct http_loop *, struct event_base *,
	    void (*done)(CURL *, CURLcode, void *arg), void *arg);
/* No transfer is under way any more. */
void	http_loop_free(struct http_loop *);

#endif
