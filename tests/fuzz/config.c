/*
 * fuzz/config.c - config_load: the INI file, the environment and the flags.
 *
 * An input is the file, and after a line "%%" one flag a line; a flag that
 * begins with a '$' is a variable of the environment.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "config_check.h"
#include "config_load.h"
#include "fuzz.h"

#define FLAGS_MAX	16

/* No other variable may be set: our own environment is none of its business. */
static bool
config_setenv(char *word)
{
	char	*value = strchr(word, '=');

	if (word[0] != '$' || value == NULL || value == word + 1)
		return false;
	*value++ = '\0';
	setenv(word + 1, value, 1);
	return true;
}

/* What was taken must keep all the rules, and what was not must say why. */
static void
config_look(const struct config *c, bool ok, const char *errors)
{
	struct error	 err;
	size_t		 i;

	FUZZ_MUST(ok == (c != NULL));
	FUZZ_MUST(ok == (errors == NULL));
	if (!ok) {
		FUZZ_MUST(errors[0] != '\0');
		FUZZ_MUST(errors[strlen(errors) - 1] == '\n');
		return;
	}
	FUZZ_MUST(config_check_times(c, &err));
	FUZZ_MUST(c->service_name[0] != '\0' && c->service_id[0] != '\0');
	FUZZ_MUST(c->service_port >= 1 && c->service_port <= 65535);
	fuzz_read(c->service_address);
	fuzz_read(c->service_tags);
	fuzz_read(c->plugin_path);
	fuzz_read(c->consul_address);
	fuzz_read(c->consul_token);
	fuzz_read(c->api_listen);
	fuzz_read(c->run_dir);
	fuzz_read(c->state_dir);
	for (i = 0; i < c->option_count; i++) {
		FUZZ_MUST(c->options[i].name[0] != '\0');
		fuzz_read(c->options[i].value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct fuzz	 f = { bytes, length };
	struct config	*c;
	const uint8_t	*end = memmem(bytes, length, "\n%%\n", 4);
	size_t		 file = end == NULL ? length :
			    (size_t)(end - bytes) + 1, n = 0, i;
	char		*flags[FLAGS_MAX], *errors, path[64];
	int		 fd = memfd_create("config", MFD_CLOEXEC);
	bool		 ok;

	FUZZ_MUST(fd != -1 && write(fd, bytes, file) == (ssize_t)file);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz_take(&f, &file);
	file = 3;
	fuzz_take(&f, &file);		/* "%%\n" */
	clearenv();
	while (n < FLAGS_MAX && (flags[n] = fuzz_until(&f, "\n")) != NULL)
		if (config_setenv(flags[n]))
			free(flags[n]);
		else
			n++;
	ok = config_load(&c, path, flags, n, &errors);
	config_look(c, ok, errors);
	config_free(c);
	free(errors);
	for (i = 0; i < n; i++)
		free(flags[i]);
	close(fd);
	return 0;
}
