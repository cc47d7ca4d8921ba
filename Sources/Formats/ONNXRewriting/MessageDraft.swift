import ONNXModel

/// What is written into a model for a tensor: as many bytes as it says, made when they are written.
protocol TensorContent {
    var byteCount: Int { get }

    /// Hands all bytes over in order. Throws what their source throws, and what the receiver throws.
    func write(to receive: ByteReceiver) throws
}

/// Takes bytes in order; they are lent for the call.
package typealias ByteReceiver = (UnsafeRawBufferPointer) throws -> Void

/// A protobuf message before it is written: new bytes, parts of the model as it was, and contents of tensors.
///
/// Its size is known from the start, since the wire format has each message behind its length; the weights themselves
/// are never in memory all at once.
struct MessageDraft {
    /// The most bytes of a protobuf message, which is the most of a model in one file.
    static let bytesMax = Int(Int32.max)

    enum Piece {
        case bytes([UInt8])
        /// A part of the original file.
        case copied(Range<Int>)
        case content(any TensorContent)
    }

    private(set) var pieces: [Piece] = []
    private(set) var byteCount = 0

    /// A varint field. Throws, as all of these, `RewriteRefusal` when the message becomes too large.
    mutating func integer(_ number: Int, _ value: Int64) throws(RewriteRefusal) {
        try append(Self.varint(UInt64(number) << 3) + Self.varint(UInt64(bitPattern: value)))
    }

    mutating func bytes(_ number: Int, _ value: [UInt8]) throws(RewriteRefusal) {
        try append(Self.head(number, byteCount: value.count) + value)
    }

    mutating func text(_ number: Int, _ value: String) throws(RewriteRefusal) { try bytes(number, Array(value.utf8)) }

    mutating func message(_ number: Int, _ value: MessageDraft) throws(RewriteRefusal) {
        try append(Self.head(number, byteCount: value.byteCount))
        for piece in value.pieces { try append(piece) }
    }

    mutating func content(_ number: Int, _ value: any TensorContent) throws(RewriteRefusal) {
        try append(Self.head(number, byteCount: value.byteCount))
        try append(.content(value))
    }

    /// Takes a part of the original file as it is.
    mutating func copy(_ range: Range<Int>) throws(RewriteRefusal) { try append(.copied(range)) }

    private mutating func append(_ bytes: [UInt8]) throws(RewriteRefusal) { try append(.bytes(bytes)) }

    private mutating func append(_ piece: Piece) throws(RewriteRefusal) {
        let count =
            switch piece {
            case .bytes(let bytes): bytes.count
            case .copied(let range): range.count
            case .content(let content): content.byteCount
            }
        guard count <= Self.bytesMax - byteCount else {
            throw RewriteRefusal(
                "the model would have over 2 GiB in one file, which the format does not allow",
                remedy: "rewrite a smaller model, or use int8-weights if that makes it small enough")
        }
        byteCount += count
        switch (pieces.last, piece) {
        case (.copied(let last), .copied(let next)) where last.upperBound == next.lowerBound:
            pieces[pieces.count - 1] = .copied(last.lowerBound..<next.upperBound)
        case (.bytes(let last), .bytes(let next)) where last.count + next.count <= Self.joinedBytesMax:
            pieces[pieces.count - 1] = .bytes(last + next)
        default:
            pieces.append(piece)
        }
    }

    /// Up to which size small pieces become one; joining costs their copy.
    private static let joinedBytesMax = 1_024

    private static func head(_ number: Int, byteCount: Int) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(UInt64(byteCount))
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

extension MessageDraft {
    /// Writes the message with what it copies from the original file.
    func write(copyingFrom source: any RandomAccessSource, to receive: ByteReceiver) throws {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): try bytes.withUnsafeBytes(receive)
            case .copied(let range): try SourceBytes(source: source, range: range).write(to: receive)
            case .content(let content): try content.write(to: receive)
            }
        }
    }
}

/// Bytes of a file as they are.
struct SourceBytes: TensorContent {
    private static let bufferBytes = 1 << 20

    let source: any RandomAccessSource
    let range: Range<Int>

    var byteCount: Int { range.count }

    func write(to receive: ByteReceiver) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Self.bufferBytes, range.count), alignment: 16)
        defer { buffer.deallocate() }
        var position = range.lowerBound
        while position < range.upperBound {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<min(buffer.count, range.upperBound - position)])
            try source.read(into: part, at: position)
            try receive(UnsafeRawBufferPointer(part))
            position += part.count
        }
    }
}
