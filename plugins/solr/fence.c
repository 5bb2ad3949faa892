/*
 * fence.c - makes a core reject writes, at once and after a restart.
 *
 * Outside SolrCloud a core has no read-only mode.  But every handler of Solr
 * that takes updates has a set of parameters by name (useParams="_UPDATE"),
 * which the Config API changes without a reload, and which survives a restart,
 * in conf/params.json.  Invariants of such a set override the parameters of a
 * request:
 *
 *	update.contentType	a type that does not exist: requests with a body
 *				are rejected, so each add and delete;
 *				commit=true has none, and passes
 *	update.chain		a chain that does not exist: all are rejected
 *
 * /update gets the first, so that we can commit what was written before, all
 * others get both.  A third invariant, MARK, records which, also while the
 * fence is open: so the file can be closed without a Solr that lists its
 * handlers.
 */
#include "fence.h"

#include "file.h"
#include "properties.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#define INVARIANTS	"_invariants_"
#define MARK		"consul-failover"
#define REFUSAL		"this copy is not the master"
#define SETS		32

static const char	*const keys[] = {
	"update.contentType", "update.chain", MARK
};

/* A set of parameters, and what passes when it is closed. */
struct set {
	const char	*name;
	const char	*passes;	/* "commits" or "nothing" */
};

struct sets {
	struct answer	 handlers;	/* names are in there */
	struct set	 set[SETS];
	size_t		 count;
};

/*
 * JSON out.
 */

static void
write_text(yajl_gen g, const char *text)
{
	yajl_gen_string(g, (const unsigned char *)text, strlen(text));
}

static void
write_value(yajl_gen g, yajl_val v)
{
	size_t	 n;

	if (YAJL_IS_OBJECT(v)) {
		yajl_gen_map_open(g);
		for (n = 0; n < YAJL_GET_OBJECT(v)->len; n++) {
			write_text(g, YAJL_GET_OBJECT(v)->keys[n]);
			write_value(g, YAJL_GET_OBJECT(v)->values[n]);
		}
		yajl_gen_map_close(g);
	} else if (YAJL_IS_ARRAY(v)) {
		yajl_gen_array_open(g);
		for (n = 0; n < YAJL_GET_ARRAY(v)->len; n++)
			write_value(g, YAJL_GET_ARRAY(v)->values[n]);
		yajl_gen_array_close(g);
	} else if (YAJL_IS_STRING(v))
		write_text(g, YAJL_GET_STRING(v));
	else if (YAJL_IS_NUMBER(v))
		yajl_gen_number(g, YAJL_GET_NUMBER(v),
		    strlen(YAJL_GET_NUMBER(v)));
	else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v))
		yajl_gen_bool(g, YAJL_IS_TRUE(v));
	else
		yajl_gen_null(g);
}

/* All of an object but these keys. */
static void
write_rest(yajl_gen g, yajl_val v, const char *const *without, size_t count)
{
	size_t	 n, k;

	for (n = 0; YAJL_IS_OBJECT(v) && n < YAJL_GET_OBJECT(v)->len; n++) {
		for (k = 0; k < count && strcmp(without[k],
		    YAJL_GET_OBJECT(v)->keys[n]) != 0; k++)
			;
		if (k < count)
			continue;
		write_text(g, YAJL_GET_OBJECT(v)->keys[n]);
		write_value(g, YAJL_GET_OBJECT(v)->values[n]);
	}
}

/* A set as it shall be, with what others have put into it.  The key "" is its
 * version, which Solr's file has and its API does not take. */
static void
write_set(yajl_gen g, yajl_val was, const char *passes, enum fence to,
    bool file)
{
	static const char	*const ours[] = { INVARIANTS, "" };

	yajl_gen_map_open(g);
	write_rest(g, was, ours, file ? 1 : 2);
	write_text(g, INVARIANTS);
	yajl_gen_map_open(g);
	write_rest(g, json_at(was, INVARIANTS, NULL), keys, 3);
	write_text(g, MARK);
	write_text(g, passes);
	if (to == FENCE_CLOSED) {
		write_text(g, keys[0]);
		write_text(g, REFUSAL);
		if (strcmp(passes, "nothing") == 0) {
			write_text(g, keys[1]);
			write_text(g, REFUSAL);
		}
	}
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
}

static char *
written(yajl_gen g)
{
	const unsigned char	*text;
	size_t			 length;
	char			*copy = NULL;

	if (yajl_gen_get_buf(g, &text, &length) == yajl_gen_status_ok)
		copy = strndup((const char *)text, length);
	yajl_gen_free(g);
	return copy;
}

/*
 * What is there.
 */

static bool
takes_updates(const char *class)
{
	return strstr(class, "Update") != NULL ||
	    strstr(class, "Extracting") != NULL ||
	    strstr(class, "DataImport") != NULL ||
	    strstr(class, "CSVRequestHandler") != NULL;
}

/* Only /update and its like look at the type of what they get. */
static bool
looks_at_type(const char *class)
{
	static const char	 like[] = "UpdateRequestHandler";
	size_t			 length = strlen(class);

	return length >= sizeof(like) - 1 &&
	    strcmp(class + length - (sizeof(like) - 1), like) == 0;
}

/* False, with the sentence set, where this handler can't be closed. */
static bool
sets_add(struct failover *f, struct sets *s, const char *core,
    const char *handler, const char *class, const char *name)
{
	const char	*passes = strcmp(handler, "/update") == 0 ?
			    "commits" : "nothing";
	size_t		 n;

	for (n = 0; n < s->count && strcmp(s->set[n].name, name) != 0; n++)
		;
	if (*name == '\0' || strpbrk(name, ", ") != NULL || n == SETS ||
	    (strcmp(passes, "commits") == 0 && !looks_at_type(class))) {
		f->say(f, FAILOVER_FAILED, "core %s: its handler %s takes "
		    "writes, and can't be made to refuse them: give it "
		    "useParams=\"_%s\" in solrconfig.xml", core, handler,
		    handler + (*handler == '/'));
		return false;
	}
	if (n == s->count)
		s->set[s->count++] = (struct set){ name, passes };
	else if (strcmp(passes, s->set[n].passes) != 0 &&
	    !looks_at_type(class)) {
		f->say(f, FAILOVER_FAILED, "core %s: its handler %s shares "
		    "useParams=\"%s\" with /update: give it another one in "
		    "solrconfig.xml", core, handler, name);
		return false;
	} else if (strcmp(passes, "commits") == 0)
		s->set[n].passes = passes;
	return true;
}

static bool
sets_ask(struct failover *f, struct sets *s, const char *base,
    const char *core)
{
	yajl_val	 all, v;
	const char	*class;
	size_t		 n;

	s->count = 0;
	if (!http_get(f, &s->handlers, PATIENCE, base,
	    "/%s/config/requestHandler?", core)) {
		f->say(f, FAILOVER_FAILED, "core %s: %s", core,
		    s->handlers.wrong);
		return false;
	}
	all = json_at(s->handlers.json, "config", "requestHandler", NULL);
	for (n = 0; YAJL_IS_OBJECT(all) && n < YAJL_GET_OBJECT(all)->len; n++) {
		v = YAJL_GET_OBJECT(all)->values[n];
		class = json_text(json_at(v, "class", NULL));
		if (takes_updates(class) && !sets_add(f, s, core,
		    YAJL_GET_OBJECT(all)->keys[n], class,
		    json_text(json_at(v, "useParams", NULL))))
			return false;
	}
	if (s->count > 0)
		return true;
	f->say(f, FAILOVER_FAILED, "core %s: Solr names no handler that takes "
	    "updates", core);
	return false;
}

/* Is this set as it is to be? */
static bool
set_is(yajl_val params, const struct set *set, enum fence to)
{
	yajl_val	 v = json_at(params, set->name, INVARIANTS, NULL);
	bool		 closed;

	closed = *json_text(json_at(v, keys[0], NULL)) != '\0' &&
	    (strcmp(set->passes, "commits") == 0 ||
	    *json_text(json_at(v, keys[1], NULL)) != '\0');
	if (to == FENCE_CLOSED)
		return closed;
	return json_at(v, keys[0], NULL) == NULL &&
	    json_at(v, keys[1], NULL) == NULL &&
	    strcmp(json_text(json_at(v, MARK, NULL)), set->passes) == 0;
}

static bool
all_are(yajl_val params, const struct sets *s, enum fence to)
{
	size_t	 n;

	for (n = 0; n < s->count && set_is(params, &s->set[n], to); n++)
		;
	return n == s->count;
}

/* What sets there are, and what is in them. */
static bool
fence_look(struct failover *f, struct sets *s, struct answer *params,
    const char *base, const char *core)
{
	*params = (struct answer){ 0 };
	s->handlers = (struct answer){ 0 };
	if (!sets_ask(f, s, base, core))
		return false;
	if (http_get(f, params, PATIENCE, base, "/%s/config/params?", core))
		return true;
	f->say(f, FAILOVER_FAILED, "core %s: %s", core, params->wrong);
	return false;
}

enum fence
fence_ask(struct failover *f, const char *base, const char *core)
{
	struct sets	 s;
	struct answer	 a;
	enum fence	 is = FENCE_UNKNOWN;

	if (fence_look(f, &s, &a, base, core))
		is = all_are(json_at(a.json, "response", "params", NULL), &s,
		    FENCE_CLOSED) ? FENCE_CLOSED : FENCE_OPEN;
	answer_free(&a);
	answer_free(&s.handlers);
	return is;
}

/*
 * What is done.
 */

static char *
set_text(const struct sets *s, yajl_val params, enum fence to)
{
	yajl_gen	 g = yajl_gen_alloc(NULL);
	size_t		 n;

	if (g == NULL)
		return NULL;
	yajl_gen_map_open(g);
	write_text(g, "set");
	yajl_gen_map_open(g);
	for (n = 0; n < s->count; n++) {
		write_text(g, s->set[n].name);
		write_set(g, json_at(params, s->set[n].name, NULL),
		    s->set[n].passes, to, false);
	}
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
	return written(g);
}

static bool
set_post(struct failover *f, const char *core, const struct sets *s,
    yajl_val params, enum fence to)
{
	char		*text = set_text(s, params, to);
	struct answer	 a = { 0 };
	bool		 ok;

	ok = text != NULL && http_post(f, &a, PATIENCE, text, http_here(),
	    "/%s/config/params?", core);
	/* Solr answers so where the agent's Solr may not write there. */
	if (ok && json_at(a.json, "errorMessages", NULL) != NULL) {
		snprintf(a.wrong, sizeof(a.wrong), "Solr refuses it");
		ok = false;
	}
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: its parameters can't be "
		    "changed, in its conf/params.json: %s", core,
		    text == NULL ? strerror(ENOMEM) : a.wrong);
	answer_free(&a);
	free(text);
	return ok;
}

static bool
set_fence(struct failover *f, const char *core, enum fence to, bool always)
{
	struct sets	 s;
	struct answer	 a;
	yajl_val	 params;
	bool		 ok = fence_look(f, &s, &a, http_here(), core);

	params = json_at(a.json, "response", "params", NULL);
	if (ok && (always || !all_are(params, &s, to)))
		ok = set_post(f, core, &s, params, to);
	answer_free(&a);
	answer_free(&s.handlers);
	return ok;
}

bool
fence_set(struct failover *f, const char *core, enum fence to)
{
	return set_fence(f, core, to, false);
}

bool
fence_close(struct failover *f, const char *core)
{
	return set_fence(f, core, FENCE_CLOSED, true);
}

char *
fence_closed_text(const char *json)
{
	yajl_val	 root = yajl_tree_parse(json, NULL, 0), all, v;
	static const char	*const params[] = { "params" };
	yajl_gen	 g = root == NULL ? NULL : yajl_gen_alloc(NULL);
	const char	*passes;
	size_t		 n;

	if (g == NULL) {
		yajl_tree_free(root);
		return NULL;
	}
	all = json_at(root, "params", NULL);
	yajl_gen_map_open(g);
	write_rest(g, root, params, 1);
	write_text(g, "params");
	yajl_gen_map_open(g);
	for (n = 0; YAJL_IS_OBJECT(all) && n < YAJL_GET_OBJECT(all)->len; n++) {
		v = YAJL_GET_OBJECT(all)->values[n];
		passes = json_text(json_at(v, INVARIANTS, MARK, NULL));
		write_text(g, YAJL_GET_OBJECT(all)->keys[n]);
		if (*passes != '\0')
			write_set(g, v, passes, FENCE_CLOSED, true);
		else
			write_value(g, v);
	}
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
	yajl_tree_free(root);
	return written(g);
}

/* Where a core has its parameters; false where there is no such core. */
static bool
find_params(char path[static PATH_MAX], const char *home, const char *core)
{
	char	*text, *set;

	snprintf(path, PATH_MAX, "%s/%s/core.properties", home, core);
	text = file_read(path);
	if (text == NULL)
		return false;
	set = properties_get(text, "configSet");
	if (set != NULL)
		snprintf(path, PATH_MAX, "%s/configsets/%s/conf/params.json",
		    home, set);
	else
		snprintf(path, PATH_MAX, "%s/%s/conf/params.json", home, core);
	free(set);
	free(text);
	return true;
}

/* Where a core has its data; false: its core.properties, then the path, can't be
 * read. */
static bool
find_data(char path[static PATH_MAX], const char *home, const char *core)
{
	char	*text, *set;

	snprintf(path, PATH_MAX, "%s/%s/core.properties", home, core);
	text = file_read(path);
	if (text == NULL)
		return false;
	set = properties_get(text, "dataDir");
	if (set != NULL && *set == '/')
		snprintf(path, PATH_MAX, "%s", set);
	else
		snprintf(path, PATH_MAX, "%s/%s/%s", home, core,
		    set != NULL && *set != '\0' ? set : "data");
	free(set);
	free(text);
	return true;
}

/* Who writes there.  A lock to read is anybody's who may read the file, and no
 * Solr's, so only what is in the way of one is asked for. */
static pid_t
lock_user(int folder, const char *index)
{
	struct flock	 l = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char		 path[NAME_MAX + sizeof("/write.lock")];
	int		 fd, error;
	bool		 told;

	snprintf(path, sizeof(path), "%s/write.lock", index);
	fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return INDEX_UNKNOWN;
	told = fcntl(fd, F_GETLK, &l) == 0;
	error = errno;
	close(fd);
	errno = error;
	if (!told || l.l_type == F_UNLCK)
		return told ? 0 : INDEX_UNKNOWN;
	return l.l_pid > 0 ? l.l_pid : INDEX_HIDDEN;
}

/* NULL at the end, and then errno is 0, or at an error. */
static struct dirent *
next_entry(DIR *data)
{
	errno = 0;
	return readdir(data);
}

pid_t
fence_index_user(const char *home, const char *core,
    char where[static PATH_MAX])
{
	DIR		*data;
	struct dirent	*e = NULL;
	pid_t		 pid = INDEX_UNKNOWN, its;
	int		 error = ENOENT;

	if (!find_data(where, home, core) || (data = opendir(where)) == NULL)
		return INDEX_UNKNOWN;
	/* A fetch may have left some, and Solr has one of them open. */
	while (pid <= 0 && pid != INDEX_HIDDEN &&
	    (e = next_entry(data)) != NULL) {
		if (strncmp(e->d_name, "index", 5) != 0)
			continue;
		its = lock_user(dirfd(data), e->d_name);
		if (its != INDEX_UNKNOWN)
			pid = its;
		else if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
	}
	if (e == NULL && errno != 0)
		error = errno;
	closedir(data);
	errno = error;
	return pid == 0 && error != ENOENT ? INDEX_UNKNOWN : pid;
}

bool
fence_close_file(struct failover *f, const char *home, const char *core)
{
	char	 path[PATH_MAX], *text, *closed = NULL;
	bool	 ok;

	if (!find_params(path, home, core)) {
		f->say(f, FAILOVER_FAILED, "core %s is not loaded, and %s can't "
		    "be read: %s: is the option home right?", core, path,
		    file_wrong());
		return false;
	}
	text = file_read(path);
	/* A master's was opened, and is there. */
	if (text == NULL && errno == ENOENT && f->role != FAILOVER_MASTER)
		return true;
	if (text != NULL) {
		errno = EINVAL;
		closed = fence_closed_text(text);
	}
	ok = closed != NULL &&
	    (strcmp(closed, text) == 0 || file_replace(path, closed));
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s is not loaded, and %s can't "
		    "be changed so that it refuses writes when it is: %s",
		    core, path, file_wrong());
	free(closed);
	free(text);
	return ok;
}

/* Solr counts a request when it comes, and its time when it is done.  It reads
 * the times first, as its answer is sorted, so a request between the two is one
 * too many rather than one too few. */
bool
fence_writing(struct failover *f, const char *core, int64_t *writing)
{
	struct answer	 a;
	yajl_val	 all = NULL;
	char		 name[300], *dot;
	int64_t		 more;
	bool		 ok = false;
	size_t		 n;

	*writing = 0;
	if (http_get(f, &a, PATIENCE, http_here(), "/admin/metrics?group=core"
	    "&property=count&regex=UPDATE%%5C..*%%5C.(requests%%7CrequestTimes)")) {
		snprintf(name, sizeof(name), "solr.core.%s", core);
		all = json_at(a.json, "metrics", name, NULL);
	}
	for (n = 0; YAJL_IS_OBJECT(all) && n < YAJL_GET_OBJECT(all)->len; n++) {
		snprintf(name, sizeof(name) - 8, "%s",
		    YAJL_GET_OBJECT(all)->keys[n]);
		dot = strrchr(name, '.');
		if (dot == NULL || strcmp(dot, ".requests") != 0)
			continue;
		strcpy(dot, ".requestTimes");
		more = (int64_t)json_number(YAJL_GET_OBJECT(all)->values[n]) -
		    (int64_t)json_number(json_at(all, name, "count", NULL));
		/* Neither is one handler's surplus another one's lack. */
		*writing += more < 0 ? -more : more;
		ok = true;
	}
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: %s", core,
		    *a.wrong != '\0' ? a.wrong : "Solr does not count its "
		    "requests: are its metrics switched off?");
	answer_free(&a);
	return ok;
}
