import COnnxRuntime

/// Values boiled down to one number, bit by bit; the key of the hash is drawn by the process, so no model can know it.
struct OnnxFingerprint {
    /// How deep sequences and maps are followed.
    private static let depthMax = 8

    private let table: UnsafePointer<OrtTable>
    private var hasher = Hasher()

    init(table: UnsafePointer<OrtTable>) { self.table = table }

    var value: Int { hasher.finalize() }

    /// Adds a tensor, sequence or map; of what is none of them only its kind.
    mutating func add(_ value: OpaquePointer, depth: Int = 0) throws(OnnxError) {
        var kind: Int32 = 0
        try check(table, "GetValueType", ort_get_value_kind(table, value, &kind))
        hasher.combine(kind)
        guard depth < Self.depthMax else { return }
        switch kind {
        case ORT_TYPE_TENSOR: try addTensor(value)
        case ORT_TYPE_SEQUENCE:
            var count = 0
            try check(table, "GetValueCount", ort_get_value_count(table, value, &count))
            hasher.combine(count)
            try addParts(of: value, count: count, depth: depth)
        case ORT_TYPE_MAP: try addParts(of: value, count: 2, depth: depth)
        default: break
        }
    }

    private mutating func addParts(of value: OpaquePointer, count: Int, depth: Int) throws(OnnxError) {
        for index in 0..<count {
            let part = try Element(table, of: value, at: index)
            var inner = self
            try part.withHandle { handle throws(OnnxError) in try inner.add(handle, depth: depth + 1) }
            self = inner
        }
    }

    private mutating func addTensor(_ value: OpaquePointer) throws(OnnxError) {
        var tensorInfo: OpaquePointer?
        try check(table, "GetTensorTypeAndShape", ort_get_tensor_info(table, value, &tensorInfo))
        let info = try present(tensorInfo, "GetTensorTypeAndShape")
        defer { ort_release_tensor_info(table, info) }
        let shape = try tensorShape(table, info)
        hasher.combine(shape)
        var count = 0
        try check(table, "GetTensorShapeElementCount", ort_get_element_count(table, info, &count))
        let elementType = try tensorElementType(table, info)
        hasher.combine(elementType)
        guard count > 0, let elementType else { return }
        guard let size = elementType.byteSize else { return try addStrings(value, count: count) }
        var data: UnsafeMutableRawPointer?
        try check(table, "GetTensorMutableData", ort_get_tensor_data(table, value, &data))
        let start = try present(data, "GetTensorMutableData")
        hasher.combine(bytes: UnsafeRawBufferPointer(start: start, count: count * size))
    }

    private mutating func addStrings(_ value: OpaquePointer, count: Int) throws(OnnxError) {
        var length = 0
        try check(table, "GetStringTensorDataLength", ort_get_strings_length(table, value, &length))
        guard length <= OnnxOutput.stringBytesMax else {
            throw OnnxError(
                .limitExceeded, function: "GetStringTensorDataLength",
                message: "an output of one run has \(length) bytes of strings")
        }
        var bytes = [UInt8](repeating: 0, count: length)
        var offsets = [Int](repeating: 0, count: count)
        try check(
            table, "GetStringTensorContent", ort_get_strings(table, value, &bytes, length, &offsets, count))
        hasher.combine(offsets)
        hasher.combine(bytes)
    }
}
