/* A JSON writer. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

json_writer json_to(FILE *out) {
  json_writer json;
  memset(&json, 0, sizeof json);
  json.out = out;
  return json;
}

/* Length of the UTF-8 character at `text`, or 0 where there is none (RFC 3629). */
static int character_bytes(const unsigned char *text) {
  unsigned char lead = text[0];
  int more = lead < 0x80 ? 0 : lead < 0xC2 ? -1 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : -1;
  if (more < 0) {
    return 0;
  }
  for (int i = 1; i <= more; ++i) {
    if ((text[i] & 0xC0) != 0x80) {
      return 0;
    }
  }
  bool too_long = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xF0 && text[1] < 0x90);
  bool no_character = (lead == 0xED && text[1] > 0x9F) || (lead == 0xF4 && text[1] > 0x8F);
  return too_long || no_character ? 0 : more + 1;
}

static void quote(FILE *out, const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  fputc('"', out);
  while (*at != 0) {
    int bytes = character_bytes(at);
    if (bytes == 0) {
      fputs("\\ufffd", out);
      bytes = 1;
    } else if (*at == '"' || *at == '\\') {
      fputc('\\', out);
      fputc(*at, out);
    } else if (*at < 0x20) {
      fprintf(out, "\\u%04x", *at);
    } else {
      fwrite(at, 1, (size_t)bytes, out);
    }
    at += bytes;
  }
  fputc('"', out);
}

static void begin_value(json_writer *json, const char *key) {
  if (json->level > 0) {
    fputs(json->filled[json->level - 1] ? ", " : "", json->out);
    json->filled[json->level - 1] = true;
  }
  if (key != NULL) {
    quote(json->out, key);
    fputs(": ", json->out);
  }
}

static void open_level(json_writer *json, const char *key, bool array) {
  begin_value(json, key);
  fputc(array ? '[' : '{', json->out);
  json->array[json->level] = array;
  json->filled[json->level] = false;
  ++json->level;
}

void json_object(json_writer *json, const char *key) { open_level(json, key, false); }

void json_array(json_writer *json, const char *key) { open_level(json, key, true); }

void json_end(json_writer *json) {
  --json->level;
  fputc(json->array[json->level] ? ']' : '}', json->out);
  if (json->level == 0) {
    fputc('\n', json->out);
    fflush(json->out);
  }
}

void json_string(json_writer *json, const char *key, const char *text) {
  if (text == NULL) {
    json_null(json, key);
    return;
  }
  begin_value(json, key);
  quote(json->out, text);
}

void json_integer(json_writer *json, const char *key, int64_t value) {
  begin_value(json, key);
  fprintf(json->out, "%" PRId64, value);
}

void json_number(json_writer *json, const char *key, double value) {
  if (!isfinite(value)) {
    json_null(json, key);
    return;
  }
  begin_value(json, key);
  fprintf(json->out, "%.9g", value);
}

void json_bool(json_writer *json, const char *key, bool value) {
  json_written(json, key, value ? "true" : "false");
}

void json_null(json_writer *json, const char *key) { json_written(json, key, "null"); }

void json_written(json_writer *json, const char *key, const char *text) {
  begin_value(json, key);
  fputs(text, json->out);
}

void json_integer_from(json_writer *json, const char *key, int64_t value, int64_t least) {
  if (value < least) {
    json_null(json, key);
  } else {
    json_integer(json, key, value);
  }
}
