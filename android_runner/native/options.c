/* The command line. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "groupnet.h"

static const char HELP[] =
    "usage: groupnet_bench --list | --device\n"
    "       groupnet_bench --model NAME [--runs N] [--warmup N] [--profile] [COMMON]\n"
    "       groupnet_bench --model NAME --image FILE [--outputs FILE] [COMMON]\n"
    "       groupnet_bench --model NAME --batch DIR [COMMON]\n"
    "\n"
    "Checks and times the models inside; prints JSON, one object to a line.\n"
    "\n"
    "  --list          the models, and the device\n"
    "  --device        the device alone, as it is now\n"
    "  --model NAME    check this model against PyTorch's numbers, then time it\n"
    "  --runs N        timed runs (30)\n"
    "  --warmup N      runs of warm-up (as many as it takes until they are stable)\n"
    "  --profile       time each kernel too\n"
    "  --image FILE    compute one input, the bytes as the model takes them\n"
    "  --outputs FILE  with --image: write the bytes of all outputs\n"
    "  --batch DIR     compute each *.bin of a folder\n"
    "COMMON:\n"
    "  --threads N     threads (1)\n"
    "  --cores WHICH   big, little, prime, or numbers such as 4-7 or 0,2\n"
    "  --progress      a line of JSON whenever there is something to tell\n"
    "  --root DIR      read /proc and /sys of this folder\n";

static long read_number(const char *option, const char *text, long least, long most) {
  char *end = NULL;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (end == text || *end != 0 || errno != 0 || value < least || value > most) {
    fail("UsageError", "expected %s from %ld to %ld; got '%s': see --help", option, least, most, text);
  }
  return value;
}

static void ask(bench_options *options, bool *asked, bench_request request, const char *word) {
  if (*asked) {
    fail("UsageError", "expected one of --list, --device, --image and --batch; got %s too: leave it out", word);
  }
  options->request = request;
  *asked = true;
}

/* Options of timing and of models mean nothing to other requests; saying so beats ignoring them. */
static void check_options(const bench_options *options, bool timing, bool common) {
  bool describes = options->request == ASK_LIST || options->request == ASK_DEVICE;
  if (describes && (options->model != NULL || timing || common || options->outputs != NULL)) {
    fail("UsageError", "expected --list and --device without other options; got more: leave them out");
  }
  if (!describes && options->model == NULL) {
    fail("UsageError", "expected --list, --device or --model NAME; got none: see --help");
  }
  if (options->request != ASK_TIMES && timing) {
    fail("UsageError", "expected --runs, --warmup and --profile for timing alone; got --image or --batch too: "
                       "leave one out");
  }
  if (options->outputs != NULL && options->request != ASK_IMAGE) {
    fail("UsageError", "expected --outputs with --image; got it alone: add --image FILE");
  }
}

bench_options read_options(int count, char **words) {
  bench_options options = {ASK_TIMES, NULL, 30, -1, 1, NULL, NULL, NULL, "", false, false};
  bool asked = false, timing = false, common = false;
  for (int i = 1; i < count; ++i) {
    const char *word = words[i];
    if (strcmp(word, "--help") == 0) {
      fputs(HELP, stdout);
      exit(0);
    } else if (strcmp(word, "--list") == 0) {
      ask(&options, &asked, ASK_LIST, word);
      continue;
    } else if (strcmp(word, "--device") == 0) {
      ask(&options, &asked, ASK_DEVICE, word);
      continue;
    } else if (strcmp(word, "--profile") == 0) {
      options.profile = timing = true;
      continue;
    } else if (strcmp(word, "--progress") == 0) {
      options.progress = common = true;
      continue;
    }
    static const char *const valued[] = {"--model", "--runs",  "--warmup", "--threads", "--cores",
                                         "--image", "--batch", "--outputs", "--root"};
    size_t known = 0;
    while (known < sizeof valued / sizeof valued[0] && strcmp(word, valued[known]) != 0) {
      ++known;
    }
    if (known == sizeof valued / sizeof valued[0]) {
      fail("UsageError", "expected an option of --help; got '%s': check it", word);
    }
    if (i + 1 == count) {
      fail("UsageError", "expected a value after %s; got the end of the line: add it", word);
    }
    const char *value = words[++i];
    switch (known) {
      case 0:
        options.model = value;
        break;
      case 1:
        options.runs = read_number(word, value, 1, 100000);
        timing = true;
        break;
      case 2:
        options.warmup = read_number(word, value, 0, 100000);
        timing = true;
        break;
      case 3:
        options.threads = (unsigned)read_number(word, value, 1, GROUPNET_MAX_THREADS);
        common = true;
        break;
      case 4:
        options.cores = value;
        common = true;
        break;
      case 5:
      case 6:
        ask(&options, &asked, known == 5 ? ASK_IMAGE : ASK_BATCH, word);
        options.path = value;
        break;
      case 7:
        options.outputs = value;
        break;
      default:
        options.root = value;
        break;
    }
  }
  check_options(&options, timing, common);
  return options;
}
