// The header is all there is; this file makes the compiler check its assertions.
#include "COnnxRuntime.h"
