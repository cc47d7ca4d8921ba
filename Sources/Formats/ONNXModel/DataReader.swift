/// Reads messages that are kept whole, and counts what is taken of them against a limit.
struct DataReader {
    /// What one text takes whatever is in it.
    private static let textBytes = MemoryLayout<String>.stride

    var wire: WireReader
    private(set) var bytesLeft: Int

    init(_ source: some RandomAccessSource, bytesMax: Int) {
        wire = WireReader(source)
        bytesLeft = bytesMax
    }

    /// One number, or several in the packed form.
    mutating func varints(_ field: WireField) throws -> [UInt64] {
        guard case .bytes(var packed) = field.value else {
            try spend(8)
            return [UInt64(bitPattern: try field.integer)]
        }
        try spend(8 * packed.byteCount)
        var values: [UInt64] = []
        while packed.byteCount > 0 { values.append(try wire.varint(&packed)) }
        return values
    }

    mutating func text(_ message: WireMessage, limit: Int) throws -> String {
        guard message.byteCount <= limit else { throw ONNXModelError.limitExceeded("a text of a tensor is too long") }
        try spend(Self.textBytes)
        guard let text = String(validating: try take(message), as: UTF8.self), !text.utf8.contains(0) else {
            throw ONNXModelError.invalid("a text of a tensor is no valid Unicode, or has a zero in it")
        }
        return text
    }

    mutating func take(_ message: WireMessage) throws -> [UInt8] {
        try spend(message.byteCount)
        return try wire.bytes(of: message, limit: message.byteCount)
    }

    mutating func spend(_ count: Int) throws {
        guard count <= bytesLeft else { throw ONNXModelError.limitExceeded("a tensor is larger than can be read") }
        bytesLeft -= count
    }
}
