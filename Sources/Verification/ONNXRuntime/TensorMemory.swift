import Glibc

/// Bytes of tensors, aligned for vector instructions, outside of Swift's own arrays: running out of memory is an error
/// here and not the end of the process.
package final class TensorMemory {
    /// The alignment that ONNX Runtime gives its own tensors.
    private static let alignment = 64

    package let byteCount: Int
    let base: UnsafeMutableRawPointer  // owned

    /// Zeroed memory.
    package init(byteCount: Int) throws(OnnxError) {
        var memory: UnsafeMutableRawPointer?
        guard byteCount >= 0, posix_memalign(&memory, Self.alignment, max(byteCount, 1)) == 0, let memory else {
            throw OnnxError(
                .outOfMemory, function: "posix_memalign", message: "\(byteCount) bytes of memory cannot be had")
        }
        memset(memory, 0, byteCount)
        self.byteCount = byteCount
        base = memory
    }

    deinit {
        free(base)
    }

    /// Lends the bytes for reading.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }

    /// Lends the bytes for writing.
    package func withMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    }
}
