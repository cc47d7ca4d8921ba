#include <errno.h>
#include <seccomp.h>

// Actions that are macros with a cast, which Swift does not see.
static inline uint32_t assay_seccomp_allow(void) { return SCMP_ACT_ALLOW; }
static inline uint32_t assay_seccomp_kill(void) { return SCMP_ACT_KILL_PROCESS; }
static inline uint32_t assay_seccomp_no_such_call(void) { return SCMP_ACT_ERRNO(ENOSYS); }
