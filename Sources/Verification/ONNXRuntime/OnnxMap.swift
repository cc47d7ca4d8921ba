import COnnxRuntime

/// A map of an answer, copied out of the library: what a classifier of scikit-learn says of one sample.
package struct OnnxMap: Equatable, Sendable {
    /// Whole numbers or strings, as many as there are values.
    package let keys: OnnxOutput.Elements
    package let values: [Double]

    package init(keys: OnnxOutput.Elements, values: [Double]) {
        self.keys = keys
        self.values = values
    }
}

extension OnnxMap {
    /// Maps above which a sequence is not copied.
    private static let mapsMax = 1 << 20

    /// The maps of a sequence; anything else is an `unsupportedValue`.
    static func sequence(table: UnsafePointer<OrtTable>, value: OpaquePointer) throws(OnnxError) -> [OnnxMap] {
        guard try kind(table, value) == ORT_TYPE_SEQUENCE else { throw unsupported("no sequence") }
        var count = 0
        try check(table, "GetValueCount", ort_get_value_count(table, value, &count))
        guard count <= mapsMax else {
            throw OnnxError(
                .limitExceeded, function: "GetValueCount",
                message: "an output of one run has \(count) maps; at most \(mapsMax) are read")
        }
        var maps: [OnnxMap] = []
        maps.reserveCapacity(count)
        for index in 0..<count {
            let element = try Element(table, of: value, at: index)
            maps.append(
                try element.withHandle { map throws(OnnxError) in
                    guard try kind(table, map) == ORT_TYPE_MAP else {
                        throw unsupported("a sequence of something else than maps")
                    }
                    return try OnnxMap(table, map)
                })
        }
        return maps
    }

    private init(_ table: UnsafePointer<OrtTable>, _ map: OpaquePointer) throws(OnnxError) {
        func elements(_ index: Int) throws(OnnxError) -> OnnxOutput.Elements {
            try Element(table, of: map, at: index).withHandle { tensor throws(OnnxError) in
                try OnnxOutput(table: table, value: tensor).elements
            }
        }
        let keys = try elements(0)
        let values = try elements(1)
        guard case .floatingPoint(let numbers) = values, numbers.count == keys.count else {
            throw Self.unsupported("a map to something else than numbers")
        }
        self.init(keys: keys, values: numbers)
    }

    private static func kind(_ table: UnsafePointer<OrtTable>, _ value: OpaquePointer) throws(OnnxError) -> Int32 {
        var kind: Int32 = 0
        try check(table, "GetValueType", ort_get_value_kind(table, value, &kind))
        return kind
    }

    private static func unsupported(_ what: String) -> OnnxError {
        OnnxError(
            .unsupportedValue, function: "GetValueType",
            message: "the output is \(what); tensors and sequences of maps from classes to scores are read")
    }
}

/// A part of a sequence or map, which the library copies for us.
final class Element {
    private let table: UnsafePointer<OrtTable>
    private let handle: OpaquePointer  // OrtValue, owned

    init(_ table: UnsafePointer<OrtTable>, of value: OpaquePointer, at index: Int) throws(OnnxError) {
        var allocator: OpaquePointer?
        try check(table, "GetAllocatorWithDefaultOptions", ort_get_default_allocator(table, &allocator))
        var element: OpaquePointer?
        try check(table, "GetValue", ort_get_value(table, value, Int32(clamping: index), allocator, &element))
        self.table = table
        handle = try present(element, "GetValue")
    }

    deinit { ort_release_value(table, handle) }

    /// Lends the handle, which ends with the object.
    func withHandle<Result>(_ body: (OpaquePointer) throws(OnnxError) -> Result) throws(OnnxError) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(handle)
    }
}
