/*
 * fuzz/description.c - what a handler says of its plugin, and the options that
 * a config gives to it.
 *
 * An input is a line "NAME=VALUE NAME=VALUE ...", the options, and then the
 * handler's first message.
 */
#include <sys/socket.h>

#include "clock.h"
#include "description.h"
#include "fake_child.h"

#define OPTIONS_MAX	8

static struct fuzz	 message;

int64_t
clock_ms(void)
{
	return 0;
}

static void
child_begin(void)
{
	send(child_channel, message.bytes, message.left,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	child_hang_up();
}

static void
look(const struct plugin_description *d, const struct config *c)
{
	char	*errors;
	int64_t	 number;
	size_t	 i;
	bool	 good;

	fuzz_read(d->image.path);
	fuzz_read(d->name);
	fuzz_read(d->version);
	fuzz_read(d->summary);
	for (i = 0; i < d->option_count; i++) {
		fuzz_read(d->options[i].name);
		fuzz_read(d->options[i].meaning);
		plugin_option_value(&d->options[i], c, &number);
	}
	good = plugin_check_options(d, c, &errors);
	FUZZ_MUST(good == (errors == NULL));
	free(errors);
}

/* Takes the line apart; the options point into it. */
static size_t
options_of(char *line, struct config_option options[OPTIONS_MAX])
{
	size_t	 count = 0;
	char	*word, *value;

	while (count < OPTIONS_MAX && (word = strsep(&line, " ")) != NULL) {
		if ((value = strchr(word, '=')) == NULL || value == word)
			continue;
		*value++ = '\0';
		options[count] = (struct config_option){ .name = word,
		    .value = value, .line = (int)count };
		count++;
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct config_option	 options[OPTIONS_MAX];
	struct config		 c = { .options = options, .max_behind = -1 };
	struct plugin_description *d;
	struct error		 err;
	char			 file[] = "test.ini", *line;

	message = (struct fuzz){ bytes, length };
	if ((line = fuzz_until(&message, "\n")) == NULL)
		return 0;
	c.file = file;
	c.option_count = options_of(line, options);
	child_status = 0;
	if (plugin_describe(&d, "/p.so", 0, &err))
		look(d, &c);
	else
		FUZZ_MUST(d == NULL && err.text[0] != '\0');
	plugin_description_free(d);
	free(line);
	return 0;
}
