import ONNXRuntime

/// One array of a dataset: elements in row-major order and the machine's byte order.
struct DatasetArray {
    let name: String
    let elementType: OnnxElementType
    let shape: [Int]
    let memory: TensorMemory

    /// Size of the first dimension; nil for a single number.
    var rowCount: Int? { shape.first }

    /// The elements as whole numbers; nil if they are floating point, or one does not fit.
    func integers() -> [Int]? {
        switch elementType {
        case .bool, .uint8: converted(UInt8.self) { Int($0) }
        case .int8: converted(Int8.self) { Int($0) }
        case .uint16: converted(UInt16.self) { Int($0) }
        case .int16: converted(Int16.self) { Int($0) }
        case .uint32: converted(UInt32.self) { Int($0) }
        case .int32: converted(Int32.self) { Int($0) }
        case .uint64: converted(UInt64.self) { Int(exactly: $0) }
        case .int64: converted(Int64.self) { Int($0) }
        default: nil
        }
    }

    /// The elements as floating point, whole numbers included.
    func numbers() -> [Double]? {
        switch elementType {
        case .float16: converted(Float16.self) { Double($0) }
        case .float32: converted(Float.self) { Double($0) }
        case .float64: converted(Double.self) { $0 }
        default: integers()?.map(Double.init)
        }
    }

    private func converted<Element: BitwiseCopyable, Value>(
        _ type: Element.Type, _ convert: (Element) -> Value?
    ) -> [Value]? {
        memory.withBytes { bytes in
            var values: [Value] = []
            values.reserveCapacity(bytes.count / MemoryLayout<Element>.size)
            for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size) {
                guard let value = convert(bytes.load(fromByteOffset: offset, as: type)) else { return nil }
                values.append(value)
            }
            return values
        }
    }
}

extension TensorMemory {
    /// Turns the elements from big-endian to the byte order of the machine.
    func reverseBytes(ofElements elementBytes: Int) {
        withMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count - bytes.count % elementBytes, by: elementBytes) {
                bytes[start..<start + elementBytes].reverse()
            }
        }
    }

    /// Makes every byte that is not 0 a 1: the only two that the runtime may see as a bool.
    func normaliseBools() {
        withMutableBytes { bytes in
            for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 }
        }
    }
}
