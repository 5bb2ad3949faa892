/*
 * properties.h - Java's format of core.properties: one key changed, every other
 * byte kept.
 */
#ifndef SOLR_PROPERTIES_H
#define SOLR_PROPERTIES_H

/* Returns the last value of key in text; NULL: none, or memory is out. */
char	*properties_get(const char *text, const char *key);

/* Returns text with key = value, at the key's first place or else at the end;
 * NULL: memory is out. */
char	*properties_set(const char *text, const char *key, const char *value);

#endif
