/* Runs of images: read, computed, told. */
#define _GNU_SOURCE /* open_memstream */
#include "images.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "failure.h"
#include "predict.h"

enum { PATH_BYTES = 4096, MOST_FILES = 10000 };

static size_t input_bytes(const bench_model *model) { return groupnet_describe(model->model)->inputs[0].bytes; }

static void check_size(const bench_model *model, const char *path) {
  struct stat found;
  if (stat(path, &found) != 0 || !S_ISREG(found.st_mode)) {
    fail("InputError", "expected a file %s; found none: check the path", path);
  }
  if ((size_t)found.st_size != input_bytes(model)) {
    fail("InputError", "expected %zu bytes in %s, which are %s; got %lld: see --list", input_bytes(model), path,
         model->preparation, (long long)found.st_size);
  }
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void join(char *path, const char *folder, const char *name) {
  if (snprintf(path, PATH_BYTES, "%s/%s", folder, name) >= PATH_BYTES) {
    fail("InputError", "expected paths of less than %d bytes; got %s/%s: move the folder", PATH_BYTES, folder, name);
  }
}

static bool is_input(const char *name) {
  size_t length = strlen(name);
  return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".bin") == 0;
}

static char *copy_of(const char *text) {
  char *copy = allocate(strlen(text) + 1);
  return strcpy(copy, text);
}

bench_files find_images(const bench_model *model, const bench_options *options) {
  bench_files files = {0, allocate(MOST_FILES * sizeof *files.names)};
  if (options->request == ASK_IMAGE) {
    check_size(model, options->path);
    files.names[files.count++] = copy_of(options->path);
    return files;
  }
  DIR *folder = opendir(options->path);
  if (folder == NULL) {
    fail("InputError", "expected a folder %s; found none: check the path", options->path);
  }
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (!is_input(entry->d_name)) {
      continue;
    }
    if (files.count == MOST_FILES) {
      fail("InputError", "expected at most %d files *.bin in %s; got more: take a part", MOST_FILES, options->path);
    }
    files.names[files.count++] = copy_of(entry->d_name);
  }
  closedir(folder);
  if (files.count == 0) {
    fail("InputError", "expected files *.bin in %s; found none: check the path", options->path);
  }
  qsort(files.names, files.count, sizeof *files.names, by_name);
  for (size_t i = 0; i < files.count; ++i) {
    char path[PATH_BYTES];
    join(path, options->path, files.names[i]);
    check_size(model, path);
  }
  return files;
}

void files_end(bench_files *files) {
  for (size_t i = 0; i < files->count; ++i) {
    free(files->names[i]);
  }
  free(files->names);
}

static void read_image(const char *path, unsigned char *image, size_t bytes) {
  FILE *file = fopen(path, "rb");
  size_t got = file == NULL ? 0 : fread(image, 1, bytes, file);
  if (file != NULL) {
    fclose(file);
  }
  if (got != bytes) {
    fail("InputError", "expected %zu bytes in %s; could read %zu: check its rights", bytes, path, got);
  }
}

static void write_outputs(const bench_session *session, const char *path) {
  FILE *file = fopen(path, "wb");
  bool written = file != NULL && fwrite(session->outputs, 1, session->output_bytes, file) == session->output_bytes;
  if ((file != NULL && fclose(file) != 0) || !written) {
    fail("InputError", "expected to write %zu bytes to %s; could not: check its rights and the disk",
         session->output_bytes, path);
  }
}

static void write_image(const bench_session *session, const char *file, double ms, json_writer *json) {
  json_string(json, "file", file);
  json_number(json, "ms", ms);
  write_prediction(session, json);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Computes one file and writes it as an entry of the result, and as a line where that is wanted. */
static void run_image(bench_session *session, const bench_options *options, const bench_files *files, size_t index,
                      unsigned char *image, json_writer *json) {
  char path[PATH_BYTES];
  const char *name = files->names[index];
  if (options->request == ASK_BATCH) {
    join(path, options->path, name);
  }
  read_image(options->request == ASK_BATCH ? path : name, image, input_bytes(session->model));
  session_set_input(session, image);
  double ms = session_run(session);
  session_read_outputs(session);
  json_object(json, NULL);
  write_image(session, base_name(name), ms, json);
  json_end(json);
  if (options->progress) {
    json_writer line = json_to(stdout);
    json_object(&line, NULL);
    json_string(&line, "event", "image");
    json_integer(&line, "index", (int64_t)index);
    json_integer(&line, "of", (int64_t)files->count);
    write_image(session, base_name(name), ms, &line);
    json_end(&line);
  }
  if (options->outputs != NULL) {
    write_outputs(session, options->outputs);
  }
}

char *run_images(bench_session *session, const bench_options *options, const bench_files *files, bool *stopped) {
  unsigned char *image = allocate(input_bytes(session->model));
  size_t done = 0;
  /* The result is one line behind those of the progress, so that this part of it is kept until then. */
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length);
  if (memory == NULL) {
    fail("ModelError", "expected memory for the result; the system gave none: end other programs");
  }
  json_writer images = json_to(memory);
  json_array(&images, NULL);
  while (done < files->count && !stop_requested()) {
    run_image(session, options, files, done++, image, &images);
  }
  json_end(&images);
  if (fclose(memory) != 0 || length == 0) {
    fail("ModelError", "expected memory for the result; the system gave none: end other programs");
  }
  text[length - 1] = 0; /* the end of its line */
  free(image);
  *stopped = done < files->count;
  return text;
}
