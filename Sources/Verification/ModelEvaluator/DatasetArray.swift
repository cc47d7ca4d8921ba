import ONNXRuntime

/// One array of a dataset, its elements in row-major order.
struct DatasetArray {
    /// Where the elements are.
    enum Content {
        /// Numbers and bools in the machine's byte order.
        case numbers(TensorMemory)
        case strings([String])
    }

    let name: String
    let elementType: OnnxElementType
    let shape: [Int]
    let content: Content

    /// Size of the first dimension; nil for a single number.
    var rowCount: Int? { shape.first }

    /// The elements as values; nil if a whole number is above 2^63-1.
    func elements() -> OnnxOutput.Elements? {
        switch content {
        case .strings(let strings): .strings(strings)
        case .numbers(let memory): memory.withBytes { OnnxOutput.Elements(elementType, $0) }
        }
    }

    /// The elements as floating point, whole numbers included; nil for strings.
    func numbers() -> [Double]? {
        switch elements() {
        case .floatingPoint(let values): values
        case .integers(let values): values.map(Double.init)
        case .strings, nil: nil
        }
    }
}

extension DatasetArray {
    /// The array of a header and the bytes that follow it.
    init(name: String, header: NpyHeader, memory: TensorMemory) throws(NpyError) {
        self.name = name
        shape = header.shape
        switch header.element {
        case .number(let type):
            elementType = type
            if header.isBigEndian { memory.reverseBytes(ofElements: header.element.byteSize) }
            if type == .bool { memory.normaliseBools() }
            content = .numbers(memory)
        case .text(let codePoints):
            elementType = .string
            content = .strings(try memory.texts(codePoints: codePoints, isBigEndian: header.isBigEndian))
        case .bytes(let count):
            elementType = .string
            content = .strings(try memory.texts(bytes: count))
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

    fileprivate func texts(codePoints: Int, isBigEndian: Bool) throws(NpyError) -> [String] {
        try texts(elementBytes: 4 * codePoints) { bytes throws(NpyError) in
            var text = String.UnicodeScalarView()
            var isEnded = false
            for offset in stride(from: 0, to: bytes.count, by: 4) {
                let raw = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let value = isBigEndian ? UInt32(bigEndian: raw) : UInt32(littleEndian: raw)
                guard value != 0 else {
                    isEnded = true
                    continue
                }
                guard !isEnded, let scalar = Unicode.Scalar(value) else { throw .malformedText }
                text.append(scalar)
            }
            return String(text)
        }
    }

    fileprivate func texts(bytes count: Int) throws(NpyError) -> [String] {
        try texts(elementBytes: count) { bytes throws(NpyError) in
            let used = bytes.prefix { $0 != 0 }
            guard bytes[used.endIndex...].allSatisfy({ $0 == 0 }), let text = String(validating: used, as: UTF8.self)
            else { throw .malformedText }
            return text
        }
    }

    private func texts(
        elementBytes: Int, _ text: (UnsafeRawBufferPointer) throws(NpyError) -> String
    ) throws(NpyError) -> [String] {
        try withBytes { bytes throws(NpyError) in
            var texts: [String] = []
            for start in stride(from: 0, to: bytes.count, by: elementBytes) {
                texts.append(try text(UnsafeRawBufferPointer(rebasing: bytes[start..<start + elementBytes])))
            }
            return texts
        }
    }
}
