import COnnxRuntime

/// An input of a run: a part of some memory, seen as a dense tensor in row-major order.
///
/// It keeps the memory alive; nothing is copied.
package final class OnnxTensor {
    let library: OnnxLibrary
    let handle: OpaquePointer  // OrtValue, owned
    private let memory: TensorMemory

    /// The tensor of a shape whose first byte is at an offset of the memory; it must lie within it.
    package init(
        library: OnnxLibrary, memory: TensorMemory, byteOffset: Int, elementType: OnnxElementType, shape: [Int]
    ) throws(OnnxError) {
        guard let byteCount = elementType.byteCount(shape: shape), byteOffset >= 0,
            byteCount <= memory.byteCount, byteOffset <= memory.byteCount - byteCount
        else {
            throw OnnxError(
                .invalidArgument, function: "CreateTensorWithDataAsOrtValue",
                message: "a tensor of \(elementType.name) \(shape) does not lie within the memory given")
        }
        var info: OpaquePointer?
        try check(library.table, "CreateCpuMemoryInfo", ort_create_cpu_memory_info(library.table, &info))
        let place = try present(info, "CreateCpuMemoryInfo")
        defer { ort_release_memory_info(library.table, place) }
        var value: OpaquePointer?
        try check(
            library.table, "CreateTensorWithDataAsOrtValue",
            ort_create_tensor_over_data(
                library.table, place, memory.base + byteOffset, byteCount, shape.map(Int64.init), shape.count,
                elementType.rawValue, &value))
        handle = try present(value, "CreateTensorWithDataAsOrtValue")
        self.library = library
        self.memory = memory
    }

    deinit {
        ort_release_value(library.table, handle)
    }
}

extension OnnxElementType {
    /// Bytes of a dense tensor; nil if a dimension is negative, the product overflows, or elements have no fixed size.
    package func byteCount(shape: [Int]) -> Int? {
        guard var total = byteSize else { return nil }
        for dimension in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { return nil }
            total = product
        }
        return total
    }
}

/// An output of a run, copied out of the library.
package struct OnnxOutput: Equatable, Sendable {
    /// The elements in row-major order.
    package enum Elements: Equatable, Sendable {
        case floatingPoint([Double])
        case integers([Int])
    }

    package let shape: [Int]
    package let elements: Elements
}

extension OnnxOutput {
    /// Elements above which an output is not copied.
    static let elementsMax = 1 << 24

    /// Copies float32, float64, int32 and int64 tensors; everything else is an `unsupportedValue`.
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
        let elementType = try tensorElementType(table, info)
        elements = try Self.elements(table, value, elementType, count)
    }

    private static func elements(
        _ table: UnsafePointer<OrtTable>, _ value: OpaquePointer, _ elementType: OnnxElementType?, _ count: Int
    ) throws(OnnxError) -> Elements {
        guard let elementType, [.float32, .float64, .int32, .int64].contains(elementType) else {
            throw OnnxError(
                .unsupportedValue, function: "GetTensorElementType",
                message: "the output holds \(elementType?.name ?? "an unknown type"); "
                    + "float32, float64, int32 and int64 are read")
        }
        guard count > 0 else { return .floatingPoint([]) }
        guard count <= elementsMax else {
            throw OnnxError(
                .limitExceeded, function: "GetTensorShapeElementCount",
                message: "an output of one run has \(count) elements; at most \(elementsMax) are read")
        }
        var data: UnsafeMutableRawPointer?
        try check(table, "GetTensorMutableData", ort_get_tensor_data(table, value, &data))
        let start = try present(data, "GetTensorMutableData")
        func view<Element>(_ type: Element.Type) -> UnsafeBufferPointer<Element> {
            UnsafeBufferPointer(start: start.assumingMemoryBound(to: type), count: count)
        }
        return switch elementType {
        case .float32: .floatingPoint(view(Float.self).map(Double.init))
        case .float64: .floatingPoint(Array(view(Double.self)))
        case .int32: .integers(view(Int32.self).map(Int.init))
        default: .integers(view(Int64.self).map { Int($0) })
        }
    }
}
