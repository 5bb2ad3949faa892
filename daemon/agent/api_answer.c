/* api_answer.c - an answer of the agent's own HTTP server. */
#include "api_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "must.h"

void
api_answer_put(struct api_answer *a, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	evbuffer_add_vprintf(a->body, fmt, ap);
	va_end(ap);
}

void
api_answer_put_json(struct api_answer *a, yajl_gen g)
{
	size_t		 length = 0;
	const char	*text = json_text(g, &length);

	evbuffer_add(a->body, text, length);
	evbuffer_add(a->body, "\n", 1);
	json_free(g);
}

void
api_answer_put_string(struct api_answer *a, int status, const char *text)
{
	struct api_said	*said = a->said;
	yajl_gen	 g;

	a->status = status;
	if (said->text == NULL || strcmp(said->text, text) != 0) {
		free(said->text);
		free(said->json);
		g = json_new();
		json_put(g, text);
		said->json = must_format("%s\n", json_text(g, NULL));
		said->text = must_copy(text);
		json_free(g);
	}
	evbuffer_add(a->body, said->json, strlen(said->json));
}

void
api_said_free(struct api_said *said)
{
	free(said->text);
	free(said->json);
}
