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
    ///
    /// Throws `OnnxError` if memory cannot be had, and `NpyError`.
    init(name: String, header: NpyHeader, memory: TensorMemory) throws {
        self.name = name
        shape = header.shape
        let memory =
            header.isColumnMajor
            ? try memory.rowMajor(shape: header.shape, elementBytes: header.element.byteSize) : memory
        switch header.element {
        case .number(let type):
            elementType = type
            if header.isBigEndian { memory.reverseBytes(ofElements: header.element.byteSize) }
            if type == .bool, !memory.holdsBools { throw NpyError.malformedBool }
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
    /// A copy of column-major elements of a shape in row-major order: the last dimension's follow each other.
    fileprivate func rowMajor(shape: [Int], elementBytes: Int) throws(OnnxError) -> TensorMemory {
        let copy = try TensorMemory(byteCount: byteCount)
        // Bytes between neighbours along each dimension as they lie here: the first dimension's are side by side.
        var strides: [Int] = []
        var next = elementBytes
        for size in shape {
            strides.append(next)
            next *= size
        }
        withBytes { source in
            copy.withMutableBytes { target in
                var place = [Int](repeating: 0, count: shape.count)
                var offset = 0
                for start in stride(from: 0, to: target.count, by: elementBytes) {
                    target[start..<start + elementBytes].copyBytes(from: source[offset..<offset + elementBytes])
                    // The next place in row-major order: the last dimension goes on; one that is through begins anew,
                    // and the one before it goes on.
                    for dimension in shape.indices.reversed() {
                        place[dimension] += 1
                        offset += strides[dimension]
                        guard place[dimension] == shape[dimension] else { break }
                        place[dimension] = 0
                        offset -= shape[dimension] * strides[dimension]
                    }
                }
            }
        }
        return copy
    }

    /// Turns the elements from big-endian to the byte order of the machine.
    func reverseBytes(ofElements elementBytes: Int) {
        withMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count - bytes.count % elementBytes, by: elementBytes) {
                bytes[start..<start + elementBytes].reverse()
            }
        }
    }

    /// Whether every byte is one that numpy writes for a bool: readers see different things in others.
    fileprivate var holdsBools: Bool { withBytes { bytes in bytes.allSatisfy { $0 <= 1 } } }

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
