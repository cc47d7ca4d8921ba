/// Linux file system calls that the C library's Swift module does not show.
#pragma once

#include <stdint.h>

/// Tells the kernel to begin writing a range of a file to disk, without waiting for it. 0, or -1 with errno.
int assay_begin_writeback(int descriptor, int64_t offset, int64_t count);
