import COnnxRuntime

/// Reads from a session what its inputs and outputs are.
struct GraphDescription {
    /// A tensor of more dimensions is refused; ONNX sets no limit, no real model comes near.
    static let rankMax = 64
    /// A graph of more inputs or outputs is refused.
    static let valuesMax = 10_000

    let table: UnsafePointer<OrtTable>
    let session: OpaquePointer  // OrtSession, borrowed

    func inputs() throws(OnnxError) -> [OnnxValueDescription] {
        var count = 0
        try check(table, "SessionGetInputCount", ort_get_input_count(table, session, &count))
        return try values(count, ort_get_input_name, ort_get_input_type)
    }

    func outputs() throws(OnnxError) -> [OnnxValueDescription] {
        var count = 0
        try check(table, "SessionGetOutputCount", ort_get_output_count(table, session, &count))
        return try values(count, ort_get_output_name, ort_get_output_type)
    }

    private typealias GetName = (
        UnsafePointer<OrtTable>?, OpaquePointer?, Int, OpaquePointer?,
        UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> OpaquePointer?
    private typealias GetType = (
        UnsafePointer<OrtTable>?, OpaquePointer?, Int, UnsafeMutablePointer<OpaquePointer?>?
    ) -> OpaquePointer?

    private func values(
        _ count: Int, _ getName: GetName, _ getType: GetType
    ) throws(OnnxError) -> [OnnxValueDescription] {
        guard count <= Self.valuesMax else {
            throw OnnxError(
                .limitExceeded, function: "SessionGetOutputCount",
                message: "the model has \(count) inputs or outputs; at most \(Self.valuesMax) are handled")
        }
        var allocator: OpaquePointer?
        try check(table, "GetAllocatorWithDefaultOptions", ort_get_default_allocator(table, &allocator))
        var values: [OnnxValueDescription] = []
        for index in 0..<count {
            var text: UnsafeMutablePointer<CChar>?
            try check(table, "SessionGetName", getName(table, session, index, allocator, &text))
            let characters = try present(text, "SessionGetName")
            let name = String(cString: characters)
            try check(table, "AllocatorFree", ort_allocator_free(table, allocator, characters))
            var type: OpaquePointer?
            try check(table, "SessionGetTypeInfo", getType(table, session, index, &type))
            let owned = try present(type, "SessionGetTypeInfo")
            defer { ort_release_type(table, owned) }
            values.append(OnnxValueDescription(name: name, kind: try kind(owned)))
        }
        return values
    }

    private func kind(_ type: OpaquePointer) throws(OnnxError) -> OnnxValueDescription.Kind {
        var code: Int32 = 0
        try check(table, "GetOnnxTypeFromTypeInfo", ort_get_type_kind(table, type, &code))
        if code == ORT_TYPE_SEQUENCE { return .sequence }
        var tensor: OpaquePointer?
        try check(table, "CastTypeInfoToTensorInfo", ort_cast_type_to_tensor(table, type, &tensor))
        guard code == ORT_TYPE_TENSOR, let tensor else { return .other }
        let shape = try tensorShape(table, tensor)
        guard let element = try tensorElementType(table, tensor) else { return .other }
        return .tensor(element, shape: shape.map { $0 < 0 ? nil : Int($0) })
    }
}

/// The dimensions of a tensor; negative where a graph leaves them open.
func tensorShape(_ table: UnsafePointer<OrtTable>, _ info: OpaquePointer) throws(OnnxError) -> [Int64] {
    var rank = 0
    try check(table, "GetDimensionsCount", ort_get_rank(table, info, &rank))
    guard rank <= GraphDescription.rankMax else {
        throw OnnxError(
            .limitExceeded, function: "GetDimensionsCount",
            message: "a tensor has \(rank) dimensions; at most \(GraphDescription.rankMax) are handled")
    }
    var shape = [Int64](repeating: 0, count: rank)
    try check(table, "GetDimensions", ort_get_dimensions(table, info, &shape, rank))
    return shape
}

/// The element type of a tensor; nil for a number that is not known here.
func tensorElementType(
    _ table: UnsafePointer<OrtTable>, _ info: OpaquePointer
) throws(OnnxError) -> OnnxElementType? {
    var code: Int32 = 0
    try check(table, "GetTensorElementType", ort_get_element_type(table, info, &code))
    return OnnxElementType(rawValue: code)
}
