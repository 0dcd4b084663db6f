/* Inputs out of files, one or a folder of them. */
#ifndef BENCH_IMAGES_H
#define BENCH_IMAGES_H

#include "json.h"
#include "session.h"

/* Inputs in their order: a path, or names within the batch's folder. */
typedef struct {
  size_t count;
  char **names;
} bench_files;

/* The files that the options name; ends the program where one has not the size of the model's input. */
bench_files find_images(const bench_model *model, const bench_options *options);

void files_end(bench_files *files);

/* Computes the files; the result's `images` as JSON, to be freed. */
char *run_images(bench_session *session, const bench_options *options, const bench_files *files, bool *stopped);

#endif
