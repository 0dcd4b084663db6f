/* Errors and signals. */
#define _GNU_SOURCE /* sigaction */
#include "failure.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static volatile sig_atomic_t stopped;

noreturn void fail(const char *type, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  fprintf(stderr, "error: %s\n", message);
  json_writer json = json_to(stdout);
  json_object(&json, NULL);
  json_string(&json, "event", "error");
  json_object(&json, "error");
  json_string(&json, "type", type);
  json_string(&json, "message", message);
  json_end(&json);
  json_end(&json);
  fflush(stdout);
  exit(2);
}

void *allocate(size_t bytes) {
  void *memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) {
    fail("ModelError", "expected %zu bytes of memory; the system gave none: end other programs", bytes);
  }
  return memory;
}

void finish_output(void) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fputs("error: expected to write the result; stdout takes no more: free its disk\n", stderr);
    exit(2);
  }
}

static void remember(int number) {
  (void)number;
  stopped = 1;
}

bool stop_requested(void) { return stopped != 0; }

void remember_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}
