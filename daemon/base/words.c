/* words.c - has a plugin's sentence changed? */

#include "words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define APART	" \t\r\n,;()<>=\"'"
#define DIGITS	"0123456789"
#define LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HOST	LETTERS DIGITS ".-_"

static bool
words_is_address(const char *host)
{
	struct in6_addr	in;

	return inet_pton(AF_INET, host, &in) == 1 ||
	    inet_pton(AF_INET6, host, &in) == 1;
}

/* Takes the port away, if there is one.  One colon of many is none of it. */
static bool
words_cut_port(char *host)
{
	char	*colon = strrchr(host, ':');

	if (colon == NULL || colon[1] == '\0' ||
	    colon[1 + strspn(colon + 1, DIGITS)] != '\0' ||
	    (colon != strchr(host, ':') && colon[-1] != ']'))
		return false;
	*colon = '\0';
	return true;
}

/* A host, with a port or without, or a URL: what the digits say is who. */
static bool
words_is_host(const char *word, size_t n)
{
	char	 text[512], *host = text, *scheme;
	bool	 port;

	snprintf(text, sizeof text, "%.*s", (int)n, word);
	if ((scheme = strstr(text, "://")) != NULL)
		host = scheme + 3;
	host[strcspn(host, "/")] = '\0';
	while (host[0] != '\0' && strchr(".:", host[strlen(host) - 1]) != NULL &&
	    !words_is_address(host))
		host[strlen(host) - 1] = '\0';
	port = words_cut_port(host);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	return words_is_address(host) || (isalpha((unsigned char)host[0]) &&
	    host[strspn(host, HOST)] == '\0' &&
	    (port || host[strcspn(host, DIGITS)] != '\0'));
}

/* But for their numbers. */
static bool
words_alike(const char *a, const char *a_end, const char *b, const char *b_end)
{
	for (;; a++, b++) {
		while (a < a_end && isdigit((unsigned char)*a))
			a++;
		while (b < b_end && isdigit((unsigned char)*b))
			b++;
		if (a == a_end || b == b_end || *a != *b)
			return a == a_end && b == b_end;
	}
}

bool
words_same(const char *a, const char *b)
{
	for (;; a++, b++) {
		size_t	n = strcspn(a, APART), m = strcspn(b, APART);

		if (words_is_host(a, n) || words_is_host(b, m) ?
		    n != m || memcmp(a, b, n) != 0 :
		    !words_alike(a, a + n, b, b + m))
			return false;
		a += n;
		b += m;
		if (*a != *b || *a == '\0')
			return *a == *b;
	}
}
