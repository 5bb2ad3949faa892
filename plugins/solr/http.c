/*
 * http.c - one request to Solr, one answer.
 */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BODY_LIMIT	(16u << 20)

struct body {
	char	*text;
	size_t	 length;
};

static CURL	*http;		/* keeps its connections from call to call */
static CURL	*watch;
static CURLU	*here;
static char	 here_url[URL_SIZE];
static char	 user[128], password[256];
static char	 ca_file[512];

static bool
take_option(struct failover *f, const char *name, char *text, size_t size)
{
	const char	*value = f->option(f, name);

	if (value == NULL)
		value = "";
	if ((size_t)snprintf(text, size, "%s", value) < size)
		return true;
	f->say(f, FAILOVER_FAILED, "option %s is longer than %zu bytes: %.200s",
	    name, size - 1, value);
	return false;
}

bool
http_start(struct failover *f)
{
	const char	*url = f->option(f, "url");
	char		*whole = NULL;
	bool		 ok;

	http_stop();
	if (url == NULL) {
		snprintf(here_url, sizeof(here_url),
		    "http://127.0.0.1:%u/solr", f->port);
		url = here_url;
	}
	if (!take_option(f, "user", user, sizeof(user)) ||
	    !take_option(f, "ca_file", ca_file, sizeof(ca_file)))
		return false;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http = curl_easy_init();
	here = curl_url();
	ok = here != NULL && curl_url_set(here, CURLUPART_URL, url, 0) ==
	    CURLUE_OK && curl_url_get(here, CURLUPART_URL, &whole,
	    CURLU_DEFAULT_PORT) == CURLUE_OK && strlen(whole) < URL_SIZE &&
	    strncmp(whole, "http", 4) == 0 && strpbrk(whole, "?#@") == NULL;
	if (ok)
		snprintf(here_url, sizeof(here_url), "%s", whole);
	curl_free(whole);
	if (http == NULL || !ok) {
		f->say(f, FAILOVER_FAILED, "option url: %s is not the URL of a "
		    "Solr, like http://localhost:8983/solr", url);
		return false;
	}
	/* As people like to write it. */
	if (here_url[strlen(here_url) - 1] == '/')
		here_url[strlen(here_url) - 1] = '\0';
	return true;
}

void
http_stop(void)
{
	curl_easy_cleanup(watch);
	curl_easy_cleanup(http);
	curl_url_cleanup(here);
	watch = http = NULL;
	here = NULL;
	explicit_bzero(password, sizeof(password));
}

const char *
http_here(void)
{
	return here_url;
}

bool
http_there(char url[static URL_SIZE], const char *host, uint16_t port)
{
	CURLU	*there = curl_url_dup(here);
	char	 name[300], number[8], *whole = NULL;
	bool	 ok;

	snprintf(name, sizeof(name),
	    strchr(host, ':') != NULL ? "[%s]" : "%s", host);
	snprintf(number, sizeof(number), "%u", port);
	ok = there != NULL &&
	    curl_url_set(there, CURLUPART_HOST, name, 0) == CURLUE_OK &&
	    curl_url_set(there, CURLUPART_PORT, number, 0) == CURLUE_OK &&
	    curl_url_get(there, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
	    strlen(whole) < URL_SIZE;
	if (ok) {
		snprintf(url, URL_SIZE, "%s", whole);
		if (url[strlen(url) - 1] == '/')
			url[strlen(url) - 1] = '\0';
	}
	curl_free(whole);
	curl_url_cleanup(there);
	return ok;
}

bool
http_login(struct failover *f)
{
	return f->secret(f, "password_file", password, sizeof(password)) ==
	    FAILOVER_DONE;
}

/*
 * A request.
 */

static size_t
take(char *bytes, size_t one, size_t count, void *arg)
{
	struct body	*b = arg;
	size_t		 length = one * count;
	char		*text;

	if (length > BODY_LIMIT - b->length)
		return 0;
	text = realloc(b->text, b->length + length + 1);
	if (text == NULL)
		return 0;
	memcpy(text + b->length, bytes, length);
	b->text = text;
	b->length += length;
	b->text[b->length] = '\0';
	return length;
}

static void
set_options(CURL *c, const char *url, int64_t limit)
{
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)limit);
	if (*ca_file != '\0')
		curl_easy_setopt(c, CURLOPT_CAINFO, ca_file);
	if (*user != '\0') {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, password);
	}
}

/* What is wrong with an answer that came. */
static void
judge(struct answer *a, const char *base)
{
	const char	*said = json_text(json_at(a->json, "error", "msg",
			    NULL));

	if (a->status == 401)
		snprintf(a->wrong, sizeof(a->wrong), "%s does not accept %s%s: "
		    "check the options user and password_file", base,
		    *user != '\0' ? "the password of the user " :
		    "requests without a user", user);
	else if (a->status == 403 && *said == '\0')
		snprintf(a->wrong, sizeof(a->wrong), "%s denies this to the "
		    "user %s", base, user);
	else if (a->status != 200)
		snprintf(a->wrong, sizeof(a->wrong), "%s: HTTP %ld%s%.160s",
		    base, a->status, *said != '\0' ? ": " : "", said);
	else if (a->json == NULL)
		snprintf(a->wrong, sizeof(a->wrong), "%s does not answer with "
		    "JSON: is this a Solr?", base);
}

/* Takes what body has. */
static bool
request(struct answer *a, int64_t limit, const char *body, const char *base,
    const char *url)
{
	struct curl_slist	*headers = NULL;
	struct body		 answer = { 0 };
	CURLcode		 code;
	long			 number = 0;

	*a = (struct answer){ 0 };
	set_options(http, url, limit);
	curl_easy_setopt(http, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(http, CURLOPT_WRITEDATA, &answer);
	if (body != NULL)
		curl_easy_setopt(http, CURLOPT_POSTFIELDS, body);
	if (body != NULL && *body == '{')
		headers = curl_slist_append(NULL,
		    "Content-Type: application/json");
	curl_easy_setopt(http, CURLOPT_HTTPHEADER, headers);

	code = curl_easy_perform(http);
	if (code == CURLE_OK) {
		curl_easy_getinfo(http, CURLINFO_RESPONSE_CODE, &a->status);
		a->json = answer.text == NULL ? NULL :
		    yajl_tree_parse(answer.text, NULL, 0);
		judge(a, base);
	} else {
		curl_easy_getinfo(http, CURLINFO_OS_ERRNO, &number);
		a->refused = code == CURLE_COULDNT_CONNECT &&
		    number == ECONNREFUSED;
		snprintf(a->wrong, sizeof(a->wrong), "%s does not answer: %s",
		    base, a->refused ? "connection refused" :
		    curl_easy_strerror(code));
	}
	curl_slist_free_all(headers);
	free(answer.text);
	return *a->wrong == '\0';
}

static bool __attribute__((format(printf, 6, 0)))
vrequest(struct failover *f, struct answer *a, int64_t limit, const char *body,
    const char *base, const char *path, va_list words)
{
	char	 url[4 * URL_SIZE];
	int64_t	 left = f->time_left(f);
	int	 n;

	n = snprintf(url, sizeof(url), "%s", base);
	n += vsnprintf(url + n, sizeof(url) - (size_t)n, path, words);
	snprintf(url + n, sizeof(url) - (size_t)n, "&wt=json&indent=off");
	/* What is wrong has to be told, too. */
	left -= left < 500 ? left / 5 : 100;
	if (limit > left)
		limit = left;
	return request(a, limit < 1 ? 1 : limit, body, base, url);
}

bool
http_get(struct failover *f, struct answer *a, int64_t limit,
    const char *base, const char *path, ...)
{
	va_list	 words;
	bool	 ok;

	va_start(words, path);
	ok = vrequest(f, a, limit, NULL, base, path, words);
	va_end(words);
	return ok;
}

bool
http_post(struct failover *f, struct answer *a, int64_t limit,
    const char *body, const char *base, const char *path, ...)
{
	va_list	 words;
	bool	 ok;

	va_start(words, path);
	ok = vrequest(f, a, limit, body, base, path, words);
	va_end(words);
	return ok;
}

void
answer_free(struct answer *a)
{
	yajl_tree_free(a->json);
	a->json = NULL;
}

bool
http_credentials(char *form, size_t size)
{
	char	*u, *p;
	bool	 ok = false;

	*form = '\0';
	if (*user == '\0')
		return true;
	u = curl_easy_escape(http, user, 0);
	p = curl_easy_escape(http, password, 0);
	/* Solr logs the parameters of a request; these it must not. */
	if (u != NULL && p != NULL)
		ok = (size_t)snprintf(form, size, "&httpBasicAuthUser=%s"
		    "&httpBasicAuthPassword=%s&logParamsList=command,leaderUrl",
		    u, p) < size;
	curl_free(u);
	curl_free(p);
	return ok;
}

/*
 * The connection that is watched.
 */

int
http_watch(void)
{
	curl_socket_t	 fd = -1;

	if (watch != NULL &&
	    curl_easy_getinfo(watch, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK)
		return fd;
	curl_easy_cleanup(watch);
	watch = curl_easy_init();
	if (watch == NULL)
		return -1;
	set_options(watch, here_url, 500);
	curl_easy_setopt(watch, CURLOPT_CONNECT_ONLY, 1L);
	if (curl_easy_perform(watch) == CURLE_OK &&
	    curl_easy_getinfo(watch, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK)
		return fd;
	curl_easy_cleanup(watch);
	watch = NULL;
	return -1;
}

void
http_watched(void)
{
	curl_socket_t	 fd = -1;
	char		 byte;

	if (watch == NULL ||
	    curl_easy_getinfo(watch, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
		return;
	if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 &&
	    (errno == EAGAIN || errno == EINTR))
		return;
	curl_easy_cleanup(watch);
	watch = NULL;
}

/*
 * JSON.
 */

yajl_val
json_at(yajl_val v, ...)
{
	const char	*path[] = { NULL, NULL };
	va_list		 words;

	va_start(words, v);
	while (v != NULL && (path[0] = va_arg(words, const char *)) != NULL)
		v = yajl_tree_get(v, path, yajl_t_any);
	va_end(words);
	return v;
}

const char *
json_text(yajl_val v)
{
	return YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) : "";
}

uint64_t
json_number(yajl_val v)
{
	long long	 n = YAJL_IS_INTEGER(v) ? YAJL_GET_INTEGER(v) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

bool
json_true(yajl_val v)
{
	return YAJL_IS_TRUE(v) || strcmp(json_text(v), "true") == 0;
}
