import COnnxRuntime

/// A tensor of an answer, copied out of the library.
package struct OnnxOutput: Equatable, Sendable {
    /// The elements in row-major order.
    package enum Elements: Equatable, Sendable {
        case floatingPoint([Double])
        /// Whole numbers, and bools as 0 and 1.
        case integers([Int])
        case strings([String])

        package var count: Int {
            switch self {
            case .floatingPoint(let values): values.count
            case .integers(let values): values.count
            case .strings(let values): values.count
            }
        }
    }

    package let shape: [Int]
    package let elements: Elements

    package init(shape: [Int], elements: Elements) {
        self.shape = shape
        self.elements = elements
    }
}

extension OnnxOutput {
    /// Elements above which an output is not copied.
    static let elementsMax = 1 << 24
    /// Bytes of strings above which an output is not copied.
    static let stringBytesMax = 1 << 28

    /// Copies a tensor of any real numbers, bools or strings; everything else is an `unsupportedValue`.
    init(table: UnsafePointer<OrtTable>, value: OpaquePointer) throws(OnnxError) {
        var isTensor: Int32 = 0
        try check(table, "IsTensor", ort_is_tensor(table, value, &isTensor))
        guard isTensor != 0 else {
            throw OnnxError(.unsupportedValue, function: "IsTensor", message: "the output is no tensor")
        }
        var tensorInfo: OpaquePointer?
        try check(table, "GetTensorTypeAndShape", ort_get_tensor_info(table, value, &tensorInfo))
        let info = try present(tensorInfo, "GetTensorTypeAndShape")
        defer { ort_release_tensor_info(table, info) }
        shape = try tensorShape(table, info).map { Int($0) }
        var count = 0
        try check(table, "GetTensorShapeElementCount", ort_get_element_count(table, info, &count))
        guard count <= Self.elementsMax else {
            throw OnnxError(
                .limitExceeded, function: "GetTensorShapeElementCount",
                message: "an output of one run has \(count) elements; at most \(Self.elementsMax) are read")
        }
        guard let elementType = try tensorElementType(table, info) else { throw Self.unsupported("an unknown type") }
        elements =
            elementType == .string
            ? .strings(try Self.strings(table, value, count))
            : try Self.numbers(table, value, elementType, count)
    }

    private static func numbers(
        _ table: UnsafePointer<OrtTable>, _ value: OpaquePointer, _ elementType: OnnxElementType, _ count: Int
    ) throws(OnnxError) -> Elements {
        guard count > 0, let size = elementType.byteSize else {
            return elementType.isFloatingPoint ? .floatingPoint([]) : .integers([])
        }
        var data: UnsafeMutableRawPointer?
        try check(table, "GetTensorMutableData", ort_get_tensor_data(table, value, &data))
        let start = try present(data, "GetTensorMutableData")
        guard let elements = Elements(elementType, UnsafeRawBufferPointer(start: start, count: count * size)) else {
            throw unsupported(elementType == .uint64 ? "a whole number above 2^63-1" : elementType.name)
        }
        return elements
    }

    private static func strings(
        _ table: UnsafePointer<OrtTable>, _ value: OpaquePointer, _ count: Int
    ) throws(OnnxError) -> [String] {
        guard count > 0 else { return [] }
        var length = 0
        try check(table, "GetStringTensorDataLength", ort_get_strings_length(table, value, &length))
        guard length <= stringBytesMax else {
            throw OnnxError(
                .limitExceeded, function: "GetStringTensorDataLength",
                message: "an output of one run has \(length) bytes of strings; at most \(stringBytesMax) are read")
        }
        var bytes = [UInt8](repeating: 0, count: length)
        var offsets = [Int](repeating: 0, count: count)
        try check(
            table, "GetStringTensorContent", ort_get_strings(table, value, &bytes, length, &offsets, count))
        let ends = offsets.dropFirst() + [length]
        guard zip(offsets, ends).allSatisfy({ 0 <= $0 && $0 <= $1 && $1 <= length }) else {
            throw OnnxError(.unknown, function: "GetStringTensorContent", message: "its offsets are out of order")
        }
        return zip(offsets, ends).map { String(decoding: bytes[$0..<$1], as: UTF8.self) }
    }

    private static func unsupported(_ what: String) -> OnnxError {
        OnnxError(
            .unsupportedValue, function: "GetTensorElementType",
            message: "the output holds \(what); real numbers, bools and strings are read")
    }
}

extension OnnxElementType {
    fileprivate var isFloatingPoint: Bool { [.float16, .bfloat16, .float32, .float64].contains(self) }
}

extension OnnxOutput.Elements {
    /// The elements of a dense tensor; nil for a type that is not read, or a whole number that does not fit.
    package init?(_ elementType: OnnxElementType, _ bytes: UnsafeRawBufferPointer) {
        func map<Element: BitwiseCopyable, Value>(
            _ type: Element.Type, _ convert: (Element) -> Value?
        ) -> [Value]? {
            var values: [Value] = []
            values.reserveCapacity(bytes.count / MemoryLayout<Element>.size)
            for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size) {
                guard let value = convert(bytes.loadUnaligned(fromByteOffset: offset, as: type)) else { return nil }
                values.append(value)
            }
            return values
        }
        let numbers: [Double]?
        switch elementType {
        case .float16: numbers = map(Float16.self) { Double($0) }
        case .bfloat16: numbers = map(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .float32: numbers = map(Float.self) { Double($0) }
        case .float64: numbers = map(Double.self) { $0 }
        default: numbers = nil
        }
        if let numbers {
            self = .floatingPoint(numbers)
            return
        }
        let integers: [Int]?
        switch elementType {
        case .bool, .uint8: integers = map(UInt8.self) { Int($0) }
        case .int8: integers = map(Int8.self) { Int($0) }
        case .uint16: integers = map(UInt16.self) { Int($0) }
        case .int16: integers = map(Int16.self) { Int($0) }
        case .uint32: integers = map(UInt32.self) { Int($0) }
        case .int32: integers = map(Int32.self) { Int($0) }
        case .uint64: integers = map(UInt64.self) { Int(exactly: $0) }
        case .int64: integers = map(Int64.self) { Int($0) }
        default: integers = nil
        }
        guard let integers else { return nil }
        self = .integers(integers)
    }
}
