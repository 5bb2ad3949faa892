/* api_answer.h - an answer of the agent's own HTTP server. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include <event2/buffer.h>
#include <yajl/yajl_gen.h>

/* The text of /health stays the same for hours, so its JSON is kept.  Zero at
 * first; owns both strings. */
struct api_said {
	char	*text;	/* the last string, … */
	char	*json;	/* … and as JSON */
};

struct api_answer {
	struct api_said	*said;
	int		 status;	/* of HTTP */
	const char	*type;		/* of the body: a literal */
	struct evbuffer	*body;
};

void	api_answer_put(struct api_answer *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Adds the JSON and a newline; frees the generator. */
void	api_answer_put_json(struct api_answer *, yajl_gen);
/* Answers with this status, and one string as JSON. */
void	api_answer_put_string(struct api_answer *, int status,
	    const char *text);

void	api_said_free(struct api_said *);	/* what it holds */

#endif
