import COnnxRuntime

/// An input of a run: a dense tensor in row-major order.
///
/// One of numbers is a part of some memory, which it keeps alive; nothing is copied. One of strings is the library's.
package final class OnnxTensor {
    let library: OnnxLibrary
    let handle: OpaquePointer  // OrtValue, owned
    private let memory: TensorMemory?

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

    /// A tensor of strings; one that holds a zero byte is cut there, so callers refuse those.
    package init(library: OnnxLibrary, strings: some Collection<String>, shape: [Int]) throws(OnnxError) {
        guard shape.allSatisfy({ $0 >= 0 }),
            shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue })
                == strings.count
        else {
            throw OnnxError(
                .invalidArgument, function: "CreateTensorAsOrtValue",
                message: "\(strings.count) strings do not fill a tensor \(shape)")
        }
        let table = library.table
        var allocator: OpaquePointer?
        try check(table, "GetAllocatorWithDefaultOptions", ort_get_default_allocator(table, &allocator))
        var value: OpaquePointer?
        try check(
            table, "CreateTensorAsOrtValue",
            ort_create_string_tensor(table, allocator, shape.map(Int64.init), shape.count, &value))
        let tensor = try present(value, "CreateTensorAsOrtValue")
        let texts = CStrings(strings)
        do {
            try check(table, "FillStringTensor", ort_fill_strings(table, tensor, texts.base, strings.count))
        } catch {
            ort_release_value(table, tensor)
            throw error
        }
        self.library = library
        handle = tensor
        memory = nil
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
