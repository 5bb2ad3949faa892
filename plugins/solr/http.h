/*
 * http.h - one request to Solr, one answer.
 */
#ifndef SOLR_HTTP_H
#define SOLR_HTTP_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <yajl/yajl_tree.h>

#define URL_SIZE	512
#define PATIENCE	2000	/* ms for a request that is answered at once */

struct answer {
	long		 status;	/* of HTTP; 0 if none came */
	bool		 refused;	/* no process listens there */
	yajl_val	 json;		/* NULL if it is not JSON */
	char		 wrong[320];	/* the problem, for people */
};

/* Reads the options: this copy's URL, and our account there. */
bool	http_start(struct failover *);
void	http_stop(void);

/* The URL of this copy, as "http://localhost:8983/solr"; the same on another
 * host. */
const char	*http_here(void);
bool	http_there(char url[static URL_SIZE], const char *host, uint16_t port);

/* Reads the password again; false with the sentence set. */
bool	http_login(struct failover *);

/* Requests base and this path, which has a '?' in it.  True: Solr has answered
 * with status 200.  Waits for limit milliseconds at most, and for the remaining
 * time of the call.  Free the answer in any case. */
bool	http_get(struct failover *, struct answer *, int64_t limit,
	    const char *base, const char *path, ...)
	    __attribute__((format(printf, 5, 6)));

/* The same with a body: an object in JSON, or else a form. */
bool	http_post(struct failover *, struct answer *, int64_t limit,
	    const char *body, const char *base, const char *path, ...)
	    __attribute__((format(printf, 6, 7)));
void	answer_free(struct answer *);

/* A form's fields with our account for another Solr; "" if there is no user. */
bool	http_credentials(char *form, size_t size);

/* A connection that ends when Solr does; -1: none. */
int	http_watch(void);
void	http_watched(void);

/* Follows a path of keys, which NULL ends; NULL if there is no such value. */
yajl_val	 json_at(yajl_val, ...) __attribute__((sentinel));
const char	*json_text(yajl_val);	/* "" if it is not a string */
uint64_t	 json_number(yajl_val);	/* 0 if it is not a number */
/* Solr writes true or "true". */
bool		 json_true(yajl_val);

#endif
