/* http_token.c - the token that we send to Consul. */
#include "http_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static CHECKED bool
http_read_token(const char *path, char *token, size_t size, struct error *err)
{
	struct stat	 st;
	ssize_t		 n = -1;
	int		 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 && fstat(fd, &st) == 0)
		n = read(fd, token, size - 1);
	if (n == -1)
		error_set(err, "[consul] token_file %s: %s", path,
		    strerror(errno));
	if (fd != -1)
		close(fd);
	if (n == -1)
		return false;
	if ((size_t)n == size - 1)
		return error_set(err, "[consul] token_file %s: too long for a "
		    "token", path);
	if (st.st_mode & S_IROTH)
		log_warning("token file %s can be read by every user; "
		    "chmod o= it", path);
	token[n] = '\0';
	return true;
}

/* The file's wins, unless it is empty, as with Consul's own client. */
bool
http_token(const struct config *c, char *token, size_t size, struct error *err)
{
	const char	*from = c->consul_token;
	char		 raw[HTTP_TOKEN_MAX];
	size_t		 n, i;

	if (c->consul_token_file[0] != '\0') {
		if (!http_read_token(c->consul_token_file, raw, sizeof raw,
		    err))
			return false;
		if (raw[strspn(raw, " \t\r\n")] != '\0' || from[0] == '\0')
			from = raw;
	}
	from += strspn(from, " \t\r\n");
	for (n = strlen(from); n > 0 && strchr(" \t\r\n", from[n - 1]); n--)
		;
	if (n == 0 && c->consul_token_file[0] != '\0')
		return error_set(err, "[consul] token_file %s: it is empty",
		    c->consul_token_file);
	if (n >= size)
		return error_set(err, "[consul] token: too long for a token");
	for (i = 0; i < n; i++)		/* it must not end the header line */
		if (from[i] <= ' ' || from[i] > '~')
			return error_set(err, "[consul] token: character %zu "
			    "is none that a token has", i + 1);
	snprintf(token, size, "%.*s", (int)n, from);
	return true;
}

/* FNV-1a, folded. */
uint16_t
http_token_hash(const char *token)
{
	uint32_t	 hash = 2166136261;

	for (; *token != '\0'; token++)
		hash = (hash ^ (unsigned char)*token) * 16777619;
	return (uint16_t)(hash >> 16 ^ hash);
}
