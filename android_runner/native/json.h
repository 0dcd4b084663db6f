/* Writes JSON as a stream: objects and arrays are opened and ended, commas come by themselves. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_MOST_LEVELS = 16 };

typedef struct {
  FILE *out;
  int level;
  bool array[JSON_MOST_LEVELS];
  bool filled[JSON_MOST_LEVELS];
} json_writer;

json_writer json_to(FILE *out);

/* `key` is NULL within arrays and for the outermost value. The end of that ends the line and flushes it. */
void json_object(json_writer *json, const char *key);
void json_array(json_writer *json, const char *key);
void json_end(json_writer *json);

/* NULL becomes null; bytes that are no UTF-8 become U+FFFD. */
void json_string(json_writer *json, const char *key, const char *text);
void json_integer(json_writer *json, const char *key, int64_t value);
/* What is not finite becomes null. */
void json_number(json_writer *json, const char *key, double value);
void json_bool(json_writer *json, const char *key, bool value);
void json_null(json_writer *json, const char *key);
/* JSON that is written already. */
void json_written(json_writer *json, const char *key, const char *text);

/* Null below `least`. */
void json_integer_from(json_writer *json, const char *key, int64_t value, int64_t least);

#endif
