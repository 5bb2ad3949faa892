/* http_address.c - the address of Consul's HTTP port, from the config. */
#include "http_address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "must.h"

#define HTTP_PORT	"8500"		/* of an address that names none */
#define HTTP_UNIX	"unix://"

static CHECKED bool
http_address_unix(struct http_address *a, const char *path, struct error *err)
{
	struct sockaddr_un	 sun;

	if (path[0] != '/' || path[1] == '\0')
		return error_set(err, "[consul] address \"%s%s\": the path of "
		    "the socket must be absolute, as in %s/run/consul.sock",
		    HTTP_UNIX, path, HTTP_UNIX);
	if (strlen(path) >= sizeof sun.sun_path)
		return error_set(err, "[consul] address \"%s%s\": the path of "
		    "a socket has at most %zu characters", HTTP_UNIX, path,
		    sizeof sun.sun_path - 1);
	a->socket_path = must_copy(path);
	a->text = must_format("%s%s", HTTP_UNIX, path);
	a->url = must_copy("http://localhost");
	return true;
}

static char *
http_url_part(CURLU *u, CURLUPart part, unsigned flags)
{
	char	*text, *copy;

	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return must_copy("");
	copy = must_copy(text);
	curl_free(text);
	return copy;
}

/* What must not be in an address; NULL: nothing is wrong. */
static const char *
http_url_mistake(CURLU *u)
{
	static const struct {
		CURLUPart	 part;
		const char	*mistake;
	} unwanted[] = {
		{ CURLUPART_USER, "no user name is taken; use a token" },
		{ CURLUPART_PASSWORD, "no password is taken; use a token" },
		{ CURLUPART_OPTIONS, "login options are not taken" },
		{ CURLUPART_QUERY, "it must not have a '?'" },
		{ CURLUPART_FRAGMENT, "it must not have a '#'" },
	};
	char		*text;
	size_t		 i;

	for (i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
		if (curl_url_get(u, unwanted[i].part, &text, 0) == CURLUE_OK) {
			curl_free(text);
			return unwanted[i].mistake;
		}
	return NULL;
}

/* The certificate is checked against the name that stands in the URL: the name
 * goes there, and the connection to where the address says. */
static void
http_address_name(struct http_address *a, CURLU *u, const char *name)
{
	char	*host = http_url_part(u, CURLUPART_HOST, 0);
	char	*port = http_url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	char	*to = must_format("::%s:%s", host, port);

	a->host = must_format("Host: %s:%s", host, port);
	a->connect_to = must(curl_slist_append(NULL, to));
	curl_url_set(u, CURLUPART_HOST, name, 0);
	free(host);
	free(port);
	free(to);
}

static char *
http_url(CURLU *u)
{
	char	*url = http_url_part(u, CURLUPART_URL, CURLU_DEFAULT_PORT);
	size_t	 n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		url[--n] = '\0';
	return url;
}

/* A URL means what it means to Consul's own tools, port 80 and 443 included;
 * a bare host gets Consul's port. */
static CHECKED bool
http_address_url(struct http_address *a, const char *text,
    const char *tls_server_name, struct error *err)
{
	const char	*scheme_end = strstr(text, "://"), *mistake;
	char		*url = NULL, *scheme = NULL, *port = NULL;
	CURLU		*u = must(curl_url());
	CURLUcode	 code;
	bool		 ok = false;

	url = must_format("%s%s", scheme_end == NULL ? "http://" : "", text);
	code = curl_url_set(u, CURLUPART_URL, url, 0);
	scheme = http_url_part(u, CURLUPART_SCHEME, 0);
	mistake = code == CURLUE_OK ? http_url_mistake(u) :
	    curl_url_strerror(code);
	if (mistake == NULL && strcmp(scheme, "http") != 0 &&
	    strcmp(scheme, "https") != 0)
		mistake = "only http, https and unix are known";
	if (mistake != NULL) {
		error_set(err, "[consul] address \"%s\": %s; it is host:port, "
		    "http://…, https://… or unix:///path", text, mistake);
		goto out;
	}
	port = http_url_part(u, CURLUPART_PORT, 0);
	if (scheme_end == NULL && port[0] == '\0')
		curl_url_set(u, CURLUPART_PORT, HTTP_PORT, 0);
	a->tls = strcmp(scheme, "https") == 0;
	a->socket_path = must_copy("");
	a->text = http_url(u);
	if (a->tls && tls_server_name[0] != '\0')
		http_address_name(a, u, tls_server_name);
	a->url = http_url(u);
	ok = true;
out:
	free(url);
	free(scheme);
	free(port);
	curl_url_cleanup(u);
	return ok;
}

bool
http_address_set(struct http_address *a, const char *text,
    const char *tls_server_name, struct error *err)
{
	if (strncmp(text, HTTP_UNIX, strlen(HTTP_UNIX)) == 0)
		return http_address_unix(a, text + strlen(HTTP_UNIX), err);
	return http_address_url(a, text, tls_server_name, err);
}

void
http_address_free(struct http_address *a)
{
	curl_slist_free_all(a->connect_to);
	free(a->host);
	free(a->text);
	free(a->url);
	free(a->socket_path);
}
