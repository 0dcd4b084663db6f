/* What the machine's arithmetic units can do at most: loops that touch registers only.

   One step of the binary loop is what a binary convolution must do for one vector of products: xor, count, add. Its
   accumulators are its operands, so that no step can be left out or moved; there are enough of them that no step waits
   for another. Built by the host's compiler for the host's own instruction set, and so independent of the compiler of
   the kernels that are held against it. */
#include <stdint.h>
#include <string.h>

/* Accumulators are variables of their own, one for each number below: compilers keep arrays of them in memory. */
#define EACH_OF_8(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define EACH_OF_16(DO) EACH_OF_8(DO) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BW__)
#include <immintrin.h>
#define EACH EACH_OF_16
enum { ACCUMULATORS = 16, BITS = 512 };
typedef __m512i Word;
static inline Word spread(uint64_t seed) { return _mm512_set1_epi32((int)seed); }
static inline Word step(Word sum, Word weight) {
  return _mm512_add_epi32(sum, _mm512_popcnt_epi32(_mm512_xor_si512(sum, weight)));
}
#elif defined(__AVX2__)
#include <immintrin.h>
/* A count is a table look-up for each half of a byte; sums stay in bytes, as a kernel's do in its inner loop. */
#define EACH EACH_OF_8
enum { ACCUMULATORS = 8, BITS = 256 };
typedef __m256i Word;
static inline Word spread(uint64_t seed) { return _mm256_set1_epi32((int)seed); }
static inline Word step(Word sum, Word weight) {
  const Word halves = _mm256_set1_epi8(15);
  const Word table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  Word differing = _mm256_xor_si256(sum, weight);
  Word low = _mm256_and_si256(differing, halves);
  Word high = _mm256_and_si256(_mm256_srli_epi16(differing, 4), halves);
  Word counted = _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
  return _mm256_add_epi8(sum, counted);
}
#else
#define EACH EACH_OF_8
enum { ACCUMULATORS = 8, BITS = 64 };
typedef uint64_t Word;
static inline Word spread(uint64_t seed) { return seed; }
static inline Word step(Word sum, Word weight) { return sum + (Word)__builtin_popcountll(sum ^ weight); }
#endif

/* Runs `steps` steps on each accumulator and returns how many products one step is, over all accumulators. */
uint64_t binary_ceiling(uint64_t steps, uint64_t seed, void *results) {
  Word weight = spread(seed);
#define BEGIN(i) Word sum##i = spread(seed + i);
#define STEP(i) sum##i = step(sum##i, weight);
#define END(i) memcpy((char *)results + i * sizeof sum##i, &sum##i, sizeof sum##i); /* seen, so it is needed */
  EACH(BEGIN)
  for (uint64_t n = 0; n < steps; n++) { EACH(STEP) }
  EACH(END)
#undef BEGIN
#undef STEP
  return (uint64_t)ACCUMULATORS * BITS;
}

#if defined(__AVX512F__)
enum { FLOATS = 16 };
#elif defined(__AVX__)
enum { FLOATS = 8 };
#else
enum { FLOATS = 4 };
#endif
typedef float Floats __attribute__((vector_size(FLOATS * sizeof(float))));

/* The same for float32: multiply-accumulates, fused where the machine can. */
uint64_t float_ceiling(uint64_t steps, uint64_t seed, void *results) {
  Floats factor = (Floats){0} + 0.5f, term = (Floats){0} + (float)(seed & 3);
#define BEGIN(i) Floats sum##i = (Floats){0} + (float)i;
#define STEP(i) sum##i = sum##i * factor + term;
  EACH(BEGIN)
  for (uint64_t n = 0; n < steps; n++) { EACH(STEP) }
  EACH(END)
#undef BEGIN
#undef STEP
  return (uint64_t)ACCUMULATORS * FLOATS;
}

#if defined(__AVX512VNNI__)
/* The same for products of bytes of pixels with signed bytes, four to a lane and three to one product with a weight of
   three digits (tvm_schedules/pixel_conv2d.py); returned is how many of the latter. */
uint64_t pixel_ceiling(uint64_t steps, uint64_t seed, void *results) {
  enum { BYTES = 64, DIGITS = 3 };
  __m512i pixels = _mm512_set1_epi32((int)seed), weights = _mm512_set1_epi32(0x01ff01ff);
#define BEGIN(i) __m512i sum##i = _mm512_set1_epi32(i);
#define STEP(i) sum##i = _mm512_dpbusd_epi32(sum##i, pixels, weights);
  EACH(BEGIN)
  for (uint64_t n = 0; n < steps * DIGITS; n++) { EACH(STEP) }
  EACH(END)
#undef BEGIN
#undef STEP
  return (uint64_t)ACCUMULATORS * BYTES;
}
#endif

/* Reads and writes `bytes` bytes `steps` times, as the work between convolutions does: one step moves twice `bytes`. */
uint64_t copy_ceiling(uint64_t steps, uint64_t bytes, void *buffer) {
  char *source = buffer, *sink = source + bytes;
  for (uint64_t n = 0; n < steps; n++) {
    memcpy(sink, source, bytes);
    __asm__ volatile("" : : "r"(sink) : "memory"); /* the copy may not be left out */
  }
  return 2 * bytes;
}
