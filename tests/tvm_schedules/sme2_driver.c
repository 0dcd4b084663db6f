/* The driver of kernels, with `bmopa` done in software where the emulator does not know it.

   The emulator has SME (streaming mode, ZA, predicated loads and stores, moves out of ZA) and stops at SME2's `bmopa`
   as at any illegal instruction. The handler takes the instruction apart, finds its operands in the signal frame, adds
   the outer product to ZA there, and lets the kernel go on behind it. If EXPECTED_BMOPA in the environment is not the
   number of instructions done so, the program fails at its end. */
#include <asm/sigcontext.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "neon_driver.c"

enum {
  BMOPA = 0x80800008, /* 10000000100 Zm:5 Pm:3 Pn:3 Zn:5 0 10 ZAda:2 */
  BMOPA_BITS = 0xffe0001c,
  ZA32_TILES = 4,
  MAX_EXTENT = 64,
};

static long done;

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(2);
}

/* The record of a kind in a signal frame; ZA is too large for the frame itself and is in its extension. */
static char *record(ucontext_t *context, uint32_t magic) {
  char *at = (char *)context->uc_mcontext.__reserved;
  char *extension = 0;
  for (;;) {
    struct _aarch64_ctx *head = (struct _aarch64_ctx *)at;
    if (head->magic == magic) return at;
    if (head->magic == EXTRA_MAGIC) extension = (char *)((struct extra_context *)at)->datap;
    if (head->magic) {
      at += head->size;
    } else if (extension) {
      at = extension;
      extension = 0;
    } else {
      fail("no such record in the signal frame");
    }
  }
}

static void outer_product(int signal_number, siginfo_t *info, void *frame) {
  (void)signal_number, (void)info;
  ucontext_t *context = frame;
  uint32_t instruction;
  memcpy(&instruction, (void *)context->uc_mcontext.pc, sizeof instruction);
  if ((instruction & BMOPA_BITS) != (uint32_t)BMOPA) fail("an illegal instruction other than bmopa");
  char *vectors = record(context, SVE_MAGIC), *za = record(context, ZA_MAGIC);
  struct sve_context *sve = (struct sve_context *)vectors;
  if (!(sve->flags & SVE_SIG_FLAG_SM)) fail("bmopa outside of streaming mode");
  unsigned quadwords = sve_vq_from_vl(sve->vl), extent = sve->vl / sizeof(uint32_t);
  if (((struct za_context *)za)->head.size < ZA_SIG_CONTEXT_SIZE(quadwords)) fail("bmopa without ZA");
  uint32_t rows[MAX_EXTENT], columns[MAX_EXTENT], sums[MAX_EXTENT];
  memcpy(rows, vectors + SVE_SIG_ZREG_OFFSET(quadwords, (instruction >> 5 & 31)), sve->vl);
  memcpy(columns, vectors + SVE_SIG_ZREG_OFFSET(quadwords, (instruction >> 16 & 31)), sve->vl);
  /* A predicate has a bit for every byte of a vector; the first of an element counts. */
  char *row_mask = vectors + SVE_SIG_PREG_OFFSET(quadwords, (instruction >> 10 & 7));
  char *column_mask = vectors + SVE_SIG_PREG_OFFSET(quadwords, (instruction >> 13 & 7));
  for (unsigned row = 0; row < extent; row++) {
    if (!(row_mask[row / 2] >> row % 2 * 4 & 1)) continue;
    char *tile_row = za + ZA_SIG_ZAV_OFFSET(quadwords, (row * ZA32_TILES + (instruction & 3)));
    memcpy(sums, tile_row, sve->vl);
    for (unsigned column = 0; column < extent; column++)
      if (column_mask[column / 2] >> column % 2 * 4 & 1)
        sums[column] += __builtin_popcount(~(rows[row] ^ columns[column]));
    memcpy(tile_row, sums, sve->vl);
  }
  done++;
  context->uc_mcontext.pc += sizeof instruction;
}

static void check_count(void) {
  const char *expected = getenv("EXPECTED_BMOPA");
  if (!expected || atol(expected) == done) return;
  fprintf(stderr, "expected %s bmopa; got %ld\n", expected, done);
  _Exit(2);
}

__attribute__((constructor)) static void trap(void) {
  struct sigaction action = {.sa_sigaction = outer_product, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, 0);
  atexit(check_count);
}
