/// Reads the protobuf wire format field by field through a small window, so that large fields are never loaded.
///
/// Source: protocol buffers encoding, "Message Structure". Groups (wire types 3 and 4) are refused: ONNX has none, and
/// they are the only construct that could nest without a length. Every length is checked against the end of the
/// enclosing message, so no field reaches past its message and no message past the file.
package struct WireReader {
    /// The bytes of one read; a field longer than this is skipped without a read.
    private static let windowBytes = 65_536
    /// The number of messages and texts after which reading stops; the largest forests in use have some million.
    private static let messagesMax = 50_000_000
    /// What is walked through field by field, in bytes: protobuf writes each number of a forest's attributes as a field
    /// of its own, so their count says little. What a field holds and is passed over does not count.
    private static let walkedBytesMax = 512 << 20

    private let source: any RandomAccessSource
    private var window: [UInt8] = []
    private var windowStart = 0
    private var messagesRead = 0
    private var bytesWalked = 0

    package init(_ source: any RandomAccessSource) { self.source = source }

    /// The whole source as one message.
    package var root: WireMessage { WireMessage(position: 0, end: source.byteCount) }

    /// The next field of a message, or nil at its end; the message moves behind the field.
    package mutating func next(_ message: inout WireMessage) throws -> WireField? {
        guard message.position < message.end else { return nil }
        let start = message.position
        let tag = try varint(&message)
        guard let number = Int(exactly: tag >> 3), 1...WireField.numberMax ~= number else {
            throw ONNXModelError.invalid("a field number is out of range")
        }
        let value = try value(ofWireType: tag & 7, in: &message)
        try count(value, from: start, to: message.position)
        return WireField(number: number, value: value)
    }

    private mutating func count(_ value: WireField.Value, from start: Int, to end: Int) throws(ONNXModelError) {
        if case .bytes(let inner) = value {
            messagesRead += 1
            bytesWalked += inner.position - start
        } else {
            bytesWalked += end - start
        }
        guard messagesRead <= Self.messagesMax else {
            throw .limitExceeded("more than \(Self.messagesMax) messages and texts")
        }
        guard bytesWalked <= Self.walkedBytesMax else {
            throw .limitExceeded("more than \(Self.walkedBytesMax >> 20) MiB of fields")
        }
    }

    /// The first bytes of a length-delimited field, at most `limit` of them.
    package mutating func bytes(of message: WireMessage, limit: Int) throws -> [UInt8] {
        let count = min(message.byteCount, limit)
        guard count > 0 else { return [] }
        if windowStart <= message.position, message.position + count <= windowStart + window.count {
            let start = message.position - windowStart
            return Array(window[start..<start + count])
        }
        var result = [UInt8](repeating: 0, count: count)
        try result.withUnsafeMutableBytes { try source.read(into: $0, at: message.position) }
        return result
    }

    /// The next base-128 integer of a message.
    package mutating func varint(_ message: inout WireMessage) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let byte = try byte(&message)
            // The tenth byte has room for one more bit only.
            guard shift < 63 || byte <= 1 else { throw ONNXModelError.invalid("an integer is longer than 64 bits") }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw ONNXModelError.invalid("an integer is longer than 64 bits")
    }

    private mutating func value(ofWireType type: UInt64, in message: inout WireMessage) throws -> WireField.Value {
        switch type {
        case 0:
            return .integer(try varint(&message))
        case 1:
            return .fixed(try take(8, from: &message))
        case 2:
            return .bytes(try take(try varint(&message), from: &message))
        case 5:
            return .fixed(try take(4, from: &message))
        default:
            throw ONNXModelError.invalid("a field has the unknown wire type \(type)")
        }
    }

    private func take(_ count: UInt64, from message: inout WireMessage) throws -> WireMessage {
        guard count <= UInt64(message.byteCount) else { throw ONNXModelError.invalid("a field ends after its message") }
        let part = WireMessage(position: message.position, end: message.position + Int(count))
        message.position = part.end
        return part
    }

    private mutating func byte(_ message: inout WireMessage) throws -> UInt8 {
        guard message.position < message.end else { throw ONNXModelError.invalid("it ends within a field") }
        if message.position < windowStart || message.position >= windowStart + window.count {
            try moveWindow(to: message.position)
        }
        let byte = window[message.position - windowStart]
        message.position += 1
        return byte
    }

    private mutating func moveWindow(to position: Int) throws {
        let count = min(Self.windowBytes, source.byteCount - position)
        if window.count != count { window = [UInt8](repeating: 0, count: count) }
        try window.withUnsafeMutableBytes { [source] in try source.read(into: $0, at: position) }
        windowStart = position
    }
}

/// The part of a source that one message takes, and how far it was read.
package struct WireMessage {
    package fileprivate(set) var position: Int
    package let end: Int

    /// A message without fields.
    package static let empty = WireMessage(position: 0, end: 0)

    /// The bytes that are still to be read.
    package var byteCount: Int { end - position }
}

/// One field of a message.
package struct WireField {
    /// The largest field number of the wire format.
    package static let numberMax = 536_870_911

    package enum Value {
        case integer(UInt64)
        case bytes(WireMessage)
        /// Where four or eight bytes lie, as floating-point numbers are kept.
        case fixed(WireMessage)
    }

    package let number: Int
    package let value: Value

    /// The field as a nested message or text.
    package var message: WireMessage {
        get throws {
            guard case .bytes(let message) = value else {
                throw ONNXModelError.invalid("field \(number) is not length-delimited")
            }
            return message
        }
    }

    /// The field as a signed integer.
    package var integer: Int64 {
        get throws {
            guard case .integer(let value) = value else {
                throw ONNXModelError.invalid("field \(number) is not an integer")
            }
            return Int64(bitPattern: value)
        }
    }
}
