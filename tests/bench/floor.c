/*
 * floor.c - what a hand-over of a Consul lock costs without any of us.
 *
 *	floor URL URL KEY
 *
 * Two idle clients, each of a Consul agent of its own and on a connection that
 * is kept: one releases the lock, the other's blocking GET returns, and it
 * takes the lock in a transaction.  Each line on standard input is one such
 * round, in turns; the answer is the time from the release being sent to the
 * transaction's answer, in microseconds.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#define SETTLE	150000		/* microseconds, for the GET to be waiting */
#define VALUE	"eyJzdGF0ZSI6ImhlbGQifQ=="

struct side {
	const char	*url;
	CURL		*curl;
	char		 session[64];
	char		 body[4096];	/* of the last answer */
	size_t		 length;
	long		 status;
	long long	 index;		/* X-Consul-Index of the last answer */
	long long	 won;		/* when it had the lock */
};

static const char	*key;

static void __attribute__((noreturn))
die(const struct side *s, const char *what)
{
	fprintf(stderr, "floor: %s: %s answered %ld: %.*s\n", what, s->url,
	    s->status, (int)s->length, s->body);
	exit(EXIT_FAILURE);
}

static long long
now_us(void)
{
	struct timespec	 t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t
take_body(char *data, size_t one, size_t n, void *arg)
{
	struct side	*s = arg;
	size_t		 room = sizeof(s->body) - 1 - s->length;

	n *= one;
	memcpy(s->body + s->length, data, n < room ? n : room);
	s->length += n < room ? n : room;
	s->body[s->length] = '\0';
	return n;
}

static size_t
take_header(char *line, size_t one, size_t n, void *arg)
{
	struct side	*s = arg;

	sscanf(line, "X-Consul-Index: %lld", &s->index);
	return n * one;
}

static void __attribute__((format(printf, 4, 5)))
ask(struct side *s, const char *method, const char *body, const char *fmt, ...)
{
	char	 path[512], url[1024];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	snprintf(url, sizeof(url), "%s%s", s->url, path);
	curl_easy_setopt(s->curl, CURLOPT_URL, url);
	curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body);
	if (body == NULL)
		curl_easy_setopt(s->curl, CURLOPT_HTTPGET, 1L);
	s->length = 0;
	if (curl_easy_perform(s->curl) != CURLE_OK)
		die(s, path);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &s->status);
	if (s->status != 200)
		die(s, path);
}

static long long
modify_index(const struct side *s)
{
	const char	*at = strstr(s->body, "\"ModifyIndex\":");

	if (at == NULL)
		die(s, "no ModifyIndex");
	return atoll(at + strlen("\"ModifyIndex\":"));
}

static void
start(struct side *s, const char *url)
{
	const char	*id;

	s->url = url;
	s->curl = curl_easy_init();
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(s->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	ask(s, "PUT", "{\"Name\":\"floor\",\"Checks\":[],\"TTL\":\"3600s\"}",
	    "/v1/session/create");
	id = strstr(s->body, "\"ID\"");
	if (id == NULL || sscanf(id, "\"ID\": \"%63[^\"]", s->session) != 1)
		die(s, "no session");
}

static void *
wait_for_lock(void *arg)
{
	struct side	*s = arg;
	char		 txn[1024];

	ask(s, "GET", NULL, "/v1/kv/%s?index=%lld&wait=60s", key, s->index);
	snprintf(txn, sizeof(txn),
	    "[{\"KV\":{\"Verb\":\"check-index\",\"Key\":\"%s\",\"Index\":%lld}},"
	    "{\"KV\":{\"Verb\":\"lock\",\"Key\":\"%s\",\"Value\":\"" VALUE "\","
	    "\"Session\":\"%s\"}}]", key, modify_index(s), key, s->session);
	ask(s, "PUT", txn, "/v1/txn");
	s->won = now_us();
	return NULL;
}

static long long
round_of(struct side *holder, struct side *waiter)
{
	pthread_t	 thread;
	long long	 sent;

	ask(waiter, "GET", NULL, "/v1/kv/%s", key);
	if (pthread_create(&thread, NULL, wait_for_lock, waiter) != 0)
		die(waiter, "no thread");
	usleep(SETTLE);
	sent = now_us();
	ask(holder, "PUT", "{\"state\":\"released\"}", "/v1/kv/%s?release=%s",
	    key, holder->session);
	pthread_join(thread, NULL);
	return waiter->won - sent;
}

int
main(int argc, char **argv)
{
	static struct side	 sides[2];
	char			 line[16];
	int			 i, holder = 0;

	if (argc != 4) {
		fputs("usage: floor URL URL KEY\n", stderr);
		return EXIT_FAILURE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	key = argv[3];
	for (i = 0; i < 2; i++)
		start(&sides[i], argv[i + 1]);
	ask(&sides[holder], "PUT", "", "/v1/kv/%s?acquire=%s", key,
	    sides[holder].session);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		printf("%lld\n", round_of(&sides[holder], &sides[!holder]));
		fflush(stdout);
		holder = !holder;
	}
	for (i = 0; i < 2; i++) {
		ask(&sides[i], "PUT", "", "/v1/session/destroy/%s",
		    sides[i].session);
		curl_easy_cleanup(sides[i].curl);
	}
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
