/// A dense tensor with its data: the content of a file such as `test_data_set_0/input_0.pb`.
///
/// Source: onnx.proto, `TensorProto`. A graph's own tensors are read by `ONNXReader`, without their data.
package struct ONNXTensor: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        /// Little-endian, row-major, without gaps.
        case bytes([UInt8])
        case strings([String])
    }

    /// May be empty.
    package let name: String
    /// The number of `TensorProto.DataType`.
    package let elementType: Int32
    package let shape: [Int]
    package let content: Content
}

extension ONNXTensor {
    /// The type number of strings.
    package static let string: Int32 = 8

    /// Bytes of one element of a type that is read; nil for all others, strings among them.
    private static func byteSize(of elementType: Int32) -> Int? {
        switch elementType {
        case 2, 3, 9: 1
        case 4, 5, 10, 16: 2
        case 1, 6, 12: 4
        case 7, 11, 13: 8
        default: nil
        }
    }

    /// Reads a tensor of at most `bytesMax` bytes of data.
    ///
    /// Throws `ONNXModelError`: data in another file, of a type without a size of whole bytes, complex, or of another
    /// length than the shape says is refused.
    package init(_ source: some RandomAccessSource, bytesMax: Int) throws {
        var data = DataReader(source, bytesMax: bytesMax)
        try self.init(data.wire.root, from: &data)
    }

    init(_ message: WireMessage, from data: inout DataReader) throws {
        var reader = TensorFields()
        try reader.read(message, from: &data)
        guard
            reader.places.isEmpty || reader.places == [TensorFields.raw]
                || reader.places == [TensorFields.place(of: reader.elementType)]
        else { throw ONNXModelError.invalid("a tensor's data stand in two places, or in that of another type") }
        let count = try Self.elementCount(reader.shape)
        name = reader.name
        elementType = reader.elementType
        shape = reader.shape
        if elementType == Self.string {
            guard reader.strings.count == count, reader.bytes.isEmpty, reader.integers.isEmpty else {
                throw ONNXModelError.invalid("a tensor \(shape) holds \(reader.strings.count) strings")
            }
            content = .strings(reader.strings)
            return
        }
        guard let size = Self.byteSize(of: elementType) else {
            throw ONNXModelError.invalid(
                "a tensor of type \(ElementType.name(of: Int64(elementType))) is not read as data")
        }
        let bytes = reader.bytes.isEmpty ? try Self.bytes(of: reader.integers, size: size) : reader.bytes
        guard bytes.count == count * size, reader.bytes.isEmpty || reader.integers.isEmpty, reader.strings.isEmpty
        else {
            throw ONNXModelError.invalid("a tensor \(shape) holds \(bytes.count) bytes instead of \(count * size)")
        }
        content = .bytes(bytes)
    }

    /// At most 2^48, so that bytes can be computed.
    private static func elementCount(_ shape: [Int]) throws(ONNXModelError) -> Int {
        var count = 1
        for length in shape {
            let (product, isOverflow) = count.multipliedReportingOverflow(by: length)
            guard length >= 0, !isOverflow, product <= 1 << 48 else {
                throw .invalid("a tensor has a negative axis, or more elements than are read")
            }
            count = product
        }
        return count
    }

    /// Numbers that were written one by one, each cut to the size of the element type; a bit that gets lost is refused.
    private static func bytes(of integers: [UInt64], size: Int) throws(ONNXModelError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(integers.count * size)
        for integer in integers {
            let rest = size == 8 ? 0 : Int64(bitPattern: integer) >> (8 * size)
            guard rest == 0 || rest == -1 else { throw .invalid("a tensor holds a number that its type cannot hold") }
            bytes += (0..<size).map { UInt8(truncatingIfNeeded: integer >> (8 * $0)) }
        }
        return bytes
    }
}

/// The fields of one tensor's message.
private struct TensorFields {
    private static let axesMax = 64
    private static let nameBytesMax = 1_000

    var name = ""
    var elementType: Int32 = 0
    var shape: [Int] = []
    /// Raw data, or numbers of floating point.
    var bytes: [UInt8] = []
    var integers: [UInt64] = []
    var strings: [String] = []
    /// The numbers of the fields that hold data.
    var places: Set<Int> = []

    static let raw = 9
    private static let data: Set<Int> = [4, 5, 6, 7, raw, 10, 11]

    /// The field that a type's data stand in where they are not raw; readers look into that one alone.
    static func place(of elementType: Int32) -> Int {
        switch elementType {
        case 1: 4
        case 7: 7
        case 8: 6
        case 11: 10
        case 12, 13: 11
        default: 5
        }
    }

    mutating func read(_ message: WireMessage, from data: inout DataReader) throws {
        var message = message
        while let field = try data.wire.next(&message) {
            if Self.data.contains(field.number) { places.insert(field.number) }
            switch field.number {
            case 1: try addAxes(data.varints(field))
            case 3: throw ONNXModelError.invalid("a tensor is a part of another one")
            case 2: elementType = try Int32(exactly: field.integer) ?? -1
            case 4, 10: bytes += try floatingPoint(field, from: &data)
            case 5, 7, 11: integers += try data.varints(field)
            case 6: strings.append(try data.text(field.message, limit: data.bytesLeft))
            case 8: name = try data.text(field.message, limit: Self.nameBytesMax)
            case 9: bytes = try data.take(field.message)
            case 13: throw ONNXModelError.invalid("a tensor's data lies in another file")
            case 14 where try field.integer != 0: throw ONNXModelError.invalid("a tensor's data lies in another file")
            default: break
            }
        }
    }

    private mutating func addAxes(_ axes: [UInt64]) throws(ONNXModelError) {
        for value in axes {
            guard shape.count < Self.axesMax else { throw .invalid("more than \(Self.axesMax) axes of a tensor") }
            guard let length = Int(exactly: Int64(bitPattern: value)) else {
                throw .invalid("a tensor has an axis of an impossible length")
            }
            shape.append(length)
        }
    }

    /// The bytes as they stand: they are little-endian already.
    private func floatingPoint(_ field: WireField, from data: inout DataReader) throws -> [UInt8] {
        if case .fixed(let number) = field.value { return try data.take(number) }
        return try data.take(field.message)
    }
}
