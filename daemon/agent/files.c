/* files.c - the files that we run from. */
#include "files.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

/* Whether files have changed is looked at no oftener than this. */
#define FILES_PAUSE	1000	/* ms */

/* Text becomes what there is to say of it, "" for nothing. */
static bool
files_look_at(struct image *i, const char *act, char *text, size_t size)
{
	enum image_state	state = image_look(i);

	text[0] = '\0';
	if (state == IMAGE_CHANGED)
		snprintf(text, size, "%.400s has changed on disk; %s to use it",
		    i->path, act);
	else if (state == IMAGE_GONE)
		snprintf(text, size, "%.400s is gone from the disk; put it "
		    "back before you %s", i->path, act);
	return text[0] != '\0';
}

void
files_look(struct files *f)
{
	char		text[sizeof f->text];
	struct error	err;
	int		which;

	f->looked_at_ms = clock_ms();
	for (which = 0; which < IMAGE_PROGRAMS; which++)
		if (files_look_at(
		    image_program((enum image_program)which, &err),
		    "restart the agent", text, sizeof text))
			break;
	if (which == IMAGE_PROGRAMS)
		files_look_at(&f->plugin, "reload", text,
		    sizeof text);
	if (strcmp(f->text, text) == 0)
		return;
	memcpy(f->text, text, sizeof f->text);
	if (text[0] != '\0')
		log_warning("%s", text);
}

void
files_look_sometimes(struct files *f)
{
	if (clock_ms() - f->looked_at_ms >= FILES_PAUSE)
		files_look(f);
}
