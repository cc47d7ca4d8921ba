import Glibc

/// Bytes that come one after another.
package protocol ByteInput: AnyObject {
    /// Fills the start of a buffer and says how much of it; 0 only at the end of the bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A place that takes bytes one after another.
package protocol ByteOutput: AnyObject {
    /// Takes all the bytes, or throws; the buffer is only borrowed.
    func write(_ bytes: UnsafeRawBufferPointer) throws
}

/// Bytes in memory as an input.
package final class BytesInput: ByteInput {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}

/// Collects what is written to it.
package final class BytesOutput: ByteOutput {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package func write(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
}

/// An open file as input and output, from where its descriptor stands. The descriptor stays the caller's.
package final class DescriptorStream: ByteInput, ByteOutput {
    private let descriptor: Int32

    package init(descriptor: Int32) { self.descriptor = descriptor }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw SystemError(call: "read", number: errno) }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno != EINTR {
                throw SystemError(call: "write", number: errno)
            }
        }
    }
}

/// A system call that failed on a stream.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package let call: String
    /// The value of `errno`.
    package let number: Int32

    package init(call: String, number: Int32) {
        self.call = call
        self.number = number
    }

    package var description: String { "\(call): \(String(cString: strerror(number)))" }
}
