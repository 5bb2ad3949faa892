/* secrets.c - does a plugin reveal a secret? */
#include "secrets.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECRET_MIN	4	/* a shorter one is found in any text */

static void
secrets_read(char *secret, size_t size, const char *value, bool is_file)
{
	FILE	*file;

	if (!is_file) {
		snprintf(secret, size, "%s", value);
		return;
	}
	file = fopen(value, "re");
	if (file != NULL && fgets(secret, (int)size, file) != NULL)
		secret[strcspn(secret, "\r\n")] = '\0';
	if (file != NULL)
		fclose(file);
}

void
secrets_find(struct secrets *s, const struct plugin_description *p,
    const struct config *c)
{
	const struct plugin_option	*o = p->options;
	const struct plugin_option	*end = o + p->option_count;
	const char			*value;
	char				*secret;
	int64_t				 number;

	for (; o < end && s->count < SECRETS_MAX; o++) {
		value = plugin_option_value(o, c, &number);
		if (!plugin_option_is_secret(o) || value == NULL)
			continue;
		s->list[s->count].option = o->name;
		secret = s->list[s->count].value;
		secrets_read(secret, sizeof s->list[0].value, value,
		    plugin_option_is_secret_file(o));
		if (strlen(secret) >= SECRET_MIN)
			s->count++;
	}
}

void
secrets_look(struct secrets *s, const char *text, size_t length)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		if (memmem(text, length, s->list[i].value,
		    strlen(s->list[i].value)) != NULL)
			s->leak = s->list[i].option;
}

void
secrets_catch_log(struct secrets *s)
{
	fflush(stderr);
	s->terminal = dup(STDERR_FILENO);
	s->log = memfd_create("log", MFD_CLOEXEC);
	if (s->terminal == -1 || s->log == -1 ||
	    dup2(s->log, STDERR_FILENO) == -1) {
		close(s->log);
		s->log = -1;
	}
}

void
secrets_pass_log(struct secrets *s)
{
	char	 text[65536];
	ssize_t	 n;

	if (s->log == -1)
		return;
	lseek(s->log, 0, SEEK_SET);
	while ((n = read(s->log, text, sizeof text)) > 0) {
		secrets_look(s, text, (size_t)n);
		if (write(s->terminal, text, (size_t)n) != n)
			break;
	}
	if (ftruncate(s->log, 0) == 0)
		lseek(s->log, 0, SEEK_SET);
}

void
secrets_release_log(struct secrets *s)
{
	secrets_pass_log(s);
	if (s->log != -1) {
		dup2(s->terminal, STDERR_FILENO);
		close(s->log);
	}
	close(s->terminal);
}
