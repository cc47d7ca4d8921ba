#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

// Swift cannot see what the dispatch header defines: macros that pick the widest instructions of the processor.

/// XXH3 with 64 bits of bytes that are in memory.
static inline uint64_t assay_xxh3(const void *bytes, size_t count) {
    return XXH3_64bits(bytes, count);
}

/// Adds bytes to a running XXH3; it fails only for a state that is none.
static inline void assay_xxh3_update(XXH3_state_t *state, const void *bytes, size_t count) {
    XXH3_64bits_update(state, bytes, count);
}
