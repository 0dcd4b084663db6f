/* Counts AArch64 instructions by class under qemu-user, and takes a snapshot whenever a marked address is reached.

   qemu-aarch64 -plugin counting_plugin.so,mark=0xADDRESS,out=FILE PROGRAM

   FILE gets one line a snapshot: the counts of every class so far, in the order of `CLASSES` below, then
   ADDRESS:INSTRUCTIONS:TIMES of every block that was translated so far, how often it was entered. Blocks may overlap:
   a jump into the middle of one begins another. Exact for a program of one thread: a translated block counts all of its
   instructions when it is entered, blocks are left early only by faults and signals, and a function that is called
   (the marked one) begins a block of its own.

   Written against the published plugin interface, version 1 (qemu 4.2 and later); its declarations are repeated here
   because Debian packages no header for them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
extern void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *, void (*)(unsigned int, void *), enum qemu_plugin_cb_flags, void *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(
    struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

EXPORTED int qemu_plugin_version = 1;

enum class { SIMD_FP, LOAD, STORE, INTEGER, BRANCH, OTHER, CLASSES };

/* Never moved nor freed: translated code adds to `times`. */
typedef struct Block {
  uint64_t address, instructions, times;
  struct Block *next;
} Block;

static uint64_t executed[CLASSES];
static Block *blocks;
static uint64_t mark;
static FILE *out;

/* Load or store, for an instruction of the group "loads and stores" (Arm ARM, C4.1: op0 = x1x0). What does both
   (atomics) and prefetches count as loads. */
static enum class memory_class(uint32_t word) {
  unsigned kind = (word >> 28) & 3;
  bool vector = (word >> 26) & 1;
  if (kind == 1 && !((word >> 24) & 1)) return LOAD; /* load literal */
  if (kind == 3 && !vector) return (word >> 22) & 3 ? LOAD : STORE;
  return (word >> 22) & 1 ? LOAD : STORE; /* pairs, exclusives, structures and vector registers have an L bit */
}

/* The top-level groups of the A64 encoding, by op0 = bits 28:25. */
static enum class classify(uint32_t word) {
  unsigned op0 = (word >> 25) & 15;
  if ((op0 & 7) == 7) return SIMD_FP;
  if ((op0 & 5) == 4) return memory_class(word);
  if ((op0 & 14) == 8 || (op0 & 7) == 5) return INTEGER;
  if ((op0 & 14) == 10) return BRANCH;
  return OTHER;
}

static void take_snapshot(unsigned int cpu, void *unused) {
  (void)cpu, (void)unused;
  for (int i = 0; i < CLASSES; i++) fprintf(out, "%llu ", (unsigned long long)executed[i]);
  for (const Block *block = blocks; block; block = block->next)
    fprintf(out, "%llu:%llu:%llu ", (unsigned long long)block->address, (unsigned long long)block->instructions,
        (unsigned long long)block->times);
  fputc('\n', out);
}

/* The entry of a block; one that qemu translates again keeps the entry it had. */
static Block *entry_of(const struct qemu_plugin_tb *translated) {
  uint64_t address = qemu_plugin_tb_vaddr(translated), instructions = qemu_plugin_tb_n_insns(translated);
  for (Block *block = blocks; block; block = block->next)
    if (block->address == address && block->instructions == instructions) return block;
  Block *block = malloc(sizeof *block);
  if (!block) abort();
  *block = (Block){address, instructions, 0, blocks};
  return blocks = block;
}

static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  uint64_t counts[CLASSES] = {0};
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
    uint32_t word;
    memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)), sizeof word);
    counts[classify(word)]++;
  }
  if (qemu_plugin_tb_vaddr(block) == mark)
    qemu_plugin_register_vcpu_tb_exec_cb(block, take_snapshot, QEMU_PLUGIN_CB_NO_REGS, NULL);
  for (int i = 0; i < CLASSES; i++)
    if (counts[i])
      qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &executed[i], counts[i]);
  qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &entry_of(block)->times, 1);
}

static void finish(qemu_plugin_id_t id, void *unused) {
  (void)id, (void)unused;
  fclose(out);
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (!strncmp(argv[i], "mark=", 5)) mark = strtoull(argv[i] + 5, NULL, 0);
    if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
  }
  if (!mark || !out) {
    fprintf(stderr, "counting_plugin: expected mark=ADDRESS and out=FILE that can be written\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
  qemu_plugin_register_atexit_cb(id, finish, NULL);
  return 0;
}
