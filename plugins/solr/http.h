/*
 * http.h - one request to Solr, one answer.
 */
#ifndef SOLR_HTTP_H
#define SOLR_HTTP_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <yajl/yajl_tree.h>

#define URL_SIZE	512
#define PATIENCE	2000	/* ms for a question that is answered at once */

struct answer {
	long		 status;	/* of HTTP; 0 where none came */
	bool		 refused;	/* nobody listens there */
	yajl_val	 json;		/* NULL where it is none */
	char		 wrong[320];	/* what is wrong with it, for people */
};

/* What the options say: where this copy is, and who we are there. */
bool	http_start(struct failover *);
void	http_stop(void);

/* The URL of this copy, as "http://localhost:8983/solr"; the same on another
 * host. */
const char	*http_here(void);
bool	http_there(char url[static URL_SIZE], const char *host, uint16_t port);

/* Reads the password anew; the sentence is set where it can't. */
bool	http_login(struct failover *);

/* Asks for base and this path, which has a '?' in it.  True: Solr has answered,
 * with status 200.  Waits no longer than limit milliseconds, nor than the call
 * has.  Free the answer in any case. */
bool	http_get(struct failover *, struct answer *, int64_t limit,
	    const char *base, const char *path, ...)
	    __attribute__((format(printf, 5, 6)));

/* The same with a body: an object in JSON, or else a form. */
bool	http_post(struct failover *, struct answer *, int64_t limit,
	    const char *body, const char *base, const char *path, ...)
	    __attribute__((format(printf, 6, 7)));
void	answer_free(struct answer *);

/* A form's fields with which another Solr gets to know who we are; "" where
 * there is no user. */
bool	http_credentials(char *form, size_t size);

/* A connection that ends when Solr does; -1: none. */
int	http_watch(void);
void	http_watched(void);

/* Down a path of keys that NULL ends; NULL where there is none of that kind. */
yajl_val	 json_at(yajl_val, ...) __attribute__((sentinel));
const char	*json_text(yajl_val);	/* "" for what is no string */
uint64_t	 json_number(yajl_val);	/* 0 for what is none */
/* Solr says it as true or as "true". */
bool		 json_true(yajl_val);

#endif
