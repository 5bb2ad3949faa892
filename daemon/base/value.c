/* value.c - one value: checks its text, and converts it. */
#include "value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "must.h"

/*
 * From text to what it means, and back.
 */

static const struct {
	const char	*name;
	int64_t		 ms;
} value_units[] = {	/* the largest first, for value_duration_text */
	{ "h", 3600 * 1000 }, { "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 },
};

bool
value_duration(const char *text, int64_t *ms)
{
	char	*unit;
	int64_t	 n;
	size_t	 i;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoll(text, &unit, 10);
	for (i = 0; i < sizeof value_units / sizeof value_units[0]; i++)
		if (strcmp(unit, value_units[i].name) == 0)
			return errno == 0 && !__builtin_mul_overflow(n,
			    value_units[i].ms, ms);
	return false;
}

struct value_text
value_duration_text(int64_t ms)
{
	struct value_text	 t;
	size_t			 i = ms == 0 ? 2 : 0;	/* "0s" */

	while (ms % value_units[i].ms != 0)
		i++;
	snprintf(t.text, sizeof t.text, "%lld%s",
	    (long long)(ms / value_units[i].ms), value_units[i].name);
	return t;
}

bool
value_in_range(int64_t ms, const struct value_range *range, struct error *err)
{
	if (ms >= range->low && ms <= range->high)
		return true;
	return error_set(err, "%s is not in the range from %s to %s",
	    value_duration_text(ms).text, value_duration_text(range->low).text,
	    value_duration_text(range->high).text);
}

/* "t" and "f" are there for Consul's own variables, which take them. */
bool
value_boolean(const char *text, bool *yes)
{
	static const char *const words[] = { "no", "yes", "false", "true",
	    "off", "on", "0", "1", "f", "t" };
	size_t	 i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*yes = i % 2 == 1;
			return true;
		}
	return false;
}

bool
value_split_address(const char *text, char *host, size_t size, int *port,
    struct error *err)
{
	const char	*colon = strrchr(text, ':'), *digits;
	size_t		 n;

	if (colon == NULL)
		return error_set(err, "\"%s\" has no port: write host:port, "
		    "[host]:port or :port", text);
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
		if (n == 0)
			return error_set(err, "no host between [ and ]");
	} else if (memchr(text, ':', n) != NULL)
		return error_set(err, "\"%s\": write an IPv6 address as "
		    "[host]:port", text);
	if (n >= size)
		return error_set(err, "the host name is too long");
	digits = colon + 1;
	if (strlen(digits) > 5 || digits[0] == '\0' ||
	    digits[strspn(digits, "0123456789")] != '\0' ||
	    atoi(digits) < 1 || atoi(digits) > 65535)
		return error_set(err, "\"%s\" is not a port from 1 to 65535",
		    digits);
	memcpy(host, text, n);
	host[n] = '\0';
	*port = atoi(digits);
	return true;
}

/*
 * From text into a field.
 */

static bool
replace(char **field, const char *text)
{
	char	*copy = must_copy(text);

	free(*field);
	*field = copy;
	return true;
}

/* Newlines and the like would reach logs, headers and the status page. */
static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

bool
value_set_string(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	(void)range;
	if (has_control(text))
		return error_set(err, "the value holds control characters");
	return replace(field, text);
}

static CHECKED bool
fits(const char *text, size_t most, struct error *err)
{
	return strlen(text) <= most || error_set(err, "the value is too long: "
	    "%zu characters, at most %zu are allowed", strlen(text), most);
}

bool
value_set_path(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	if (text[0] == '\0')
		return error_set(err, "must not be empty");
	return fits(text, VALUE_PATH_MAX, err) &&
	    value_set_string(text, range, field, err);
}

bool
value_is_word(const char *text, const char *inner, size_t longest)
{
	size_t	 n = strlen(text), i;

	if (n == 0 || n > longest)
		return false;
	for (i = 0; i < n; i++)
		if ((text[i] & 0x80) != 0 ||
		    (!isalnum((unsigned char)text[i]) &&
		    (i == 0 || i == n - 1 || strchr(inner, text[i]) == NULL)))
			return false;
	return true;
}

bool
value_set_name(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	(void)range;
	if (!value_is_word(text, "-", 63))
		return error_set(err, "\"%s\" is not a DNS label, but "
		    "master.<name>.service.consul must resolve: use 1 to 63 "
		    "letters, digits and hyphens, no hyphen first or last",
		    text);
	return replace(field, text);
}

bool
value_set_id(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	(void)range;
	if (text[0] != '\0' && !value_is_word(text, "-_.", 63))
		return error_set(err, "\"%s\" is not an id: use 1 to 63 "
		    "letters, digits, and between them hyphens, dots and "
		    "underscores", text);
	return replace(field, text);
}

static CHECKED bool
check_host(const char *text, struct error *err)
{
	if (text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:")] == '\0')
		return fits(text, VALUE_HOST_MAX, err);
	return error_set(err, "\"%s\" is neither an address nor a host name",
	    text);
}

/* Who connects to what listens on all addresses, or to several hosts, gets to
 * none, or to itself. */
static bool
names_nobody(const char *text)
{
	struct in6_addr	six;
	struct in_addr	four;

	if (inet_pton(AF_INET6, text, &six) == 1)
		return IN6_IS_ADDR_UNSPECIFIED(&six) ||
		    IN6_IS_ADDR_MULTICAST(&six);
	return inet_aton(text, &four) != 0 && (four.s_addr == INADDR_ANY ||
	    four.s_addr == INADDR_BROADCAST || IN_MULTICAST(ntohl(four.s_addr)));
}

bool
value_is_loopback(const char *host)
{
	static const char *const	names[] = { "localhost", "localhost.",
		"localhost.localdomain", "ip6-localhost", "ip6-loopback" };
	struct in6_addr			six;
	struct in_addr			four;
	size_t				i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(host, names[i]) == 0)
			return true;
	if (inet_pton(AF_INET6, host, &six) == 1) {
		if (IN6_IS_ADDR_LOOPBACK(&six))
			return true;
		if (!IN6_IS_ADDR_V4MAPPED(&six))
			return false;
		memcpy(&four, &six.s6_addr[12], sizeof four);
	} else if (inet_pton(AF_INET, host, &four) != 1)
		return false;
	return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool
value_set_host(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	struct in6_addr	six;

	(void)range;
	if (!check_host(text, err))
		return false;
	if (names_nobody(text))
		return error_set(err, "\"%s\" names no host: give the address "
		    "by which other nodes reach this copy", text);
	if (strchr(text, ':') != NULL && inet_pton(AF_INET6, text, &six) != 1)
		return error_set(err, "\"%s\" is not an address: give it "
		    "without a port, which is [service] port", text);
	return replace(field, text);
}

bool
value_set_listen(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	char	 host[256];
	int	 port;

	(void)range;
	return value_split_address(text, host, sizeof host, &port, err) &&
	    check_host(host, err) && replace(field, text);
}

/* The roles are ours: a copy tagged "master" by hand would be found as one. */
static CHECKED bool
check_tag(const char *tag, struct error *err)
{
	static const char *const roles[] = { "master", "slave", "unhealthy",
	    "disabled" };
	size_t	 i;

	if (tag[0] == '\0')
		return error_set(err, "an empty tag: write one,two");
	for (i = 0; i < sizeof roles / sizeof roles[0]; i++)
		if (strcasecmp(tag, roles[i]) == 0)
			return error_set(err, "the tag \"%s\" is set by "
			    "consul-failover itself, as the role", tag);
	return true;
}

/* Drops the blanks around the commas. */
bool
value_set_tags(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	char	*copy = NULL, *tags = NULL, *rest, *tag, *end;
	bool	 ok = false;

	if (text[0] == '\0')
		return replace(field, text);
	if (!value_set_string(text, range, &copy, err) ||
	    !replace(&tags, text))
		goto out;
	tags[0] = '\0';
	rest = copy;
	while ((tag = strsep(&rest, ",")) != NULL) {
		tag += strspn(tag, " \t");
		for (end = tag + strlen(tag); end > tag &&
		    isblank((unsigned char)end[-1]); end--)
			end[-1] = '\0';
		if (!check_tag(tag, err))
			goto out;
		if (tags[0] != '\0')
			strcat(tags, ",");
		strcat(tags, tag);	/* never longer than text */
	}
	ok = fits(tags, VALUE_TAGS_MAX, err) && replace(field, tags);
out:
	free(copy);
	free(tags);
	return ok;
}

bool
value_set_address(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	const char	*sign = strstr(text, "://");
	const char	*rest = sign == NULL ? text : sign + 3;

	(void)range;
	if (rest[0] == '\0' || has_control(text) || strchr(text, ' ') != NULL)
		return error_set(err, "no address: write host:port, "
		    "http://host:port, https://host:port or unix:///path");
	if (sign != NULL && strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "https://", 8) != 0 &&
	    strncmp(text, "unix://", 7) != 0)
		return error_set(err, "\"%.*s\" can't be used to reach Consul: "
		    "write http://, https:// or unix://", (int)(sign - text),
		    text);
	return replace(field, text);
}

/* A token goes into an HTTP header, and into no message. */
bool
value_set_secret(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	const char	*s;

	(void)range;
	for (s = text; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return error_set(err, "the token holds a blank or "
			    "another character that is not allowed");
	return replace(field, text);
}

bool
value_set_integer(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	int64_t	 n;
	char	*end;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    n < range->low || n > range->high)
		return error_set(err, "\"%s\" is not a number from %lld to "
		    "%lld", text, (long long)range->low,
		    (long long)range->high);
	*(int64_t *)field = n;
	return true;
}

bool
value_set_limit(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	if (strcmp(text, "any") != 0)
		return value_set_integer(text, range, field, err);
	*(int64_t *)field = -1;
	return true;
}

bool
value_set_duration(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	int64_t	 ms;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
		return error_set(err, "\"%s\" has no unit: write 2s, 500ms, "
		    "1m or 1h", text);
	if (!value_duration(text, &ms))
		return error_set(err, "\"%s\" is not a duration: write 2s, "
		    "500ms, 1m or 1h", text);
	if (!value_in_range(ms, range, err))
		return false;
	*(int64_t *)field = ms;
	return true;
}

bool
value_set_boolean(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	(void)range;
	if (!value_boolean(text, field))
		return error_set(err, "\"%s\" is neither yes nor no", text);
	return true;
}

bool
value_set_heed(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	static const char *const	names[] = {
		[VALUE_HEED_ALL] = "all",
		[VALUE_HEED_MAINTENANCE] = "maintenance",
		[VALUE_HEED_NONE] = "none",
	};
	int64_t				i;

	(void)range;
	for (i = VALUE_HEED_ALL; i <= VALUE_HEED_NONE; i++)
		if (strcmp(text, names[i]) == 0) {
			*(int64_t *)field = i;
			return true;
		}
	return error_set(err, "\"%s\" is neither all, maintenance nor none",
	    text);
}

bool
value_set_format(const char *text, const struct value_range *range,
    void *field, struct error *err)
{
	bool	 json = strcmp(text, "json") == 0;

	(void)range;
	if (!json && strcmp(text, "plain") != 0)
		return error_set(err, "\"%s\" is neither plain nor json", text);
	*(bool *)field = json;
	return true;
}
