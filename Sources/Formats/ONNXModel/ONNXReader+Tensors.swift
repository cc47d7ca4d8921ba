extension ONNXReader {
    /// What is read of a tensor: everything but its data.
    struct Tensor {
        var name = ""
        var elementType: Int64 = 0
        var elementCount: Int64 = 1
        /// Whether its data was seen to be one zero, and nothing else.
        var isZero: Bool?

        /// Whether it is a single bool, and false.
        var isFalse: Bool { elementType == 9 && elementCount == 1 && isZero == true }
    }

    /// Where a tensor's data lies outside of the model, as its entries say it.
    private struct ExternalPlace {
        var location: String?
        var offset = "0"
        var length = "0"

        /// Where the part ends in its file. Numbers are decimal, and their sum is one that a file can have.
        var end: Int64? {
            guard let offset = Int64(offset), let length = Int64(length), offset >= 0, length >= 0 else { return nil }
            let (end, isOverflow) = offset.addingReportingOverflow(length)
            return isOverflow ? nil : end
        }
    }

    // MARK: TensorProto

    mutating func readTensor(_ tensor: WireMessage) throws -> Tensor {
        try noteTensor()
        var fields = tensor
        var result = Tensor()
        var axes = 0
        var place: ExternalPlace?
        var isExternal = false
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: try readAxes(field, into: &result, count: &axes)
            case 2: result.elementType = try field.integer
            case 5: result.isZero = try result.isZero != false && isZero(field)
            case 9:
                let data = try field.message
                result.isZero =
                    try result.isZero != false && data.byteCount == 1
                    && wire.bytes(of: data, limit: 1) == [0]
            case 8: result.name = try name(field.message)
            case 13: try readExternalData(field.message, into: &place)
            case 14: isExternal = try Self.isExternal(field) ?? isExternal
            default: break
            }
        }
        // Without it the entries are left from before the data came in, and no reader looks at them.
        if isExternal, let place {
            try noteExternalData(place)
            result.isZero = false
        }
        return result
    }

    /// Reads a sparse tensor as the tensor of the values that it stores, which also carries its name.
    mutating func readSparseTensor(_ tensor: WireMessage) throws -> Tensor {
        var fields = tensor
        var values: Tensor?
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: values = try readTensor(field.message)
            case 2: _ = try readTensor(field.message)
            default: break
            }
        }
        guard var values else { throw ONNXModelError.invalid("a sparse tensor has no values") }
        values.isZero = false
        return values
    }

    /// Whether a field of numbers, packed or not, is one zero.
    private mutating func isZero(_ field: WireField) throws -> Bool {
        guard case .bytes(let packed) = field.value else { return try field.integer == 0 }
        return try packed.byteCount == 1 && wire.bytes(of: packed, limit: 1) == [0]
    }

    /// Reads one axis, or several in the packed form.
    private mutating func readAxes(_ field: WireField, into tensor: inout Tensor, count: inout Int) throws {
        if case .bytes(var packed) = field.value {
            while packed.byteCount > 0 {
                try multiply(&tensor, by: Int64(bitPattern: try wire.varint(&packed)), count: &count)
            }
        } else {
            try multiply(&tensor, by: try field.integer, count: &count)
        }
    }

    private func multiply(_ tensor: inout Tensor, by length: Int64, count: inout Int) throws {
        count += 1
        try check(count, Limit.axes, "axes of a tensor")
        guard length >= 0 else { throw ONNXModelError.invalid("a tensor has an axis of negative length") }
        let (product, isOverflow) = tensor.elementCount.multipliedReportingOverflow(by: length)
        guard !isOverflow else { throw ONNXModelError.invalid("a tensor has more elements than 64 bits count") }
        tensor.elementCount = product
    }

    /// Reads one `external_data` entry: a part of where a tensor's data lies in a file beside the model.
    private mutating func readExternalData(_ message: WireMessage, into place: inout ExternalPlace?) throws {
        var known = place ?? ExternalPlace()
        defer { place = known }
        let entry = try readEntry(message)
        switch try name(entry.key) {
        case "location": known.location = try name(entry.value)
        case "offset": known.offset = try name(entry.value)
        case "length": known.length = try name(entry.value)
        default: break
        }
    }

    /// What `data_location` says; nil for a number that is none of the enumeration's: protobuf's readers pass it over.
    static func isExternal(_ field: WireField) throws -> Bool? {
        switch try field.integer {
        case 0: false
        case 1: true
        default: nil
        }
    }

    private mutating func noteExternalData(_ place: ExternalPlace) throws {
        let location = place.location ?? ""
        guard let end = place.end else {
            throw ONNXModelError.externalData("'\(location)' has no such offset and length")
        }
        try noteExternalFile(location, end: end)
    }

    // MARK: StringStringEntryProto

    mutating func readEntry(_ entry: WireMessage) throws -> (key: WireMessage, value: WireMessage) {
        var fields = entry
        var key = WireMessage.empty
        var value = WireMessage.empty
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: key = try field.message
            case 2: value = try field.message
            default: break
            }
        }
        return (key, value)
    }

    // MARK: ValueInfoProto, TypeProto, TensorShapeProto

    mutating func readValue(_ value: WireMessage) throws -> ONNXValue {
        var fields = value
        var name = ""
        var type = ValueType()
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: name = try self.name(field.message)
            case 2: type = try readType(field.message, depth: 0)
            default: break
            }
        }
        guard !name.isEmpty else { throw ONNXModelError.invalid("an input or output has no name") }
        return ONNXValue(name: name, elementType: type.name, shape: type.shape)
    }

    private struct ValueType {
        var name = "undefined"
        var shape: [ONNXDimension]?
    }

    private mutating func readType(_ type: WireMessage, depth: Int) throws -> ValueType {
        guard depth <= Limit.depth else { throw ONNXModelError.invalid("types are nested too deep") }
        var fields = type
        var result = ValueType()
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: result = try readTensorType(field.message)
            case 4: result = ValueType(name: "sequence(\(try readElementType(field.message, depth: depth)))")
            case 5: result = ValueType(name: try readMapType(field.message, depth: depth))
            case 7: result = ValueType(name: "opaque")
            case 8:
                let tensor = try readTensorType(field.message)
                result = ValueType(name: "sparse(\(tensor.name))", shape: tensor.shape)
            case 9: result = ValueType(name: "optional(\(try readElementType(field.message, depth: depth)))")
            default: break
            }
        }
        return result
    }

    /// The element type of a sequence or an optional value.
    private mutating func readElementType(_ type: WireMessage, depth: Int) throws -> String {
        var fields = type
        var name = ValueType().name
        while let field = try wire.next(&fields) {
            if field.number == 1 { name = try readType(field.message, depth: depth + 1).name }
        }
        return name
    }

    private mutating func readMapType(_ type: WireMessage, depth: Int) throws -> String {
        var fields = type
        var key: Int64 = 0
        var value = ValueType().name
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: key = try field.integer
            case 2: value = try readType(field.message, depth: depth + 1).name
            default: break
            }
        }
        return "map(\(ElementType.name(of: key)),\(value))"
    }

    private mutating func readTensorType(_ type: WireMessage) throws -> ValueType {
        var fields = type
        var result = ValueType()
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: result.name = ElementType.name(of: try field.integer)
            case 2: result.shape = try readShape(field.message)
            default: break
            }
        }
        return result
    }

    private mutating func readShape(_ shape: WireMessage) throws -> [ONNXDimension] {
        var fields = shape
        var dimensions: [ONNXDimension] = []
        while let field = try wire.next(&fields) {
            guard field.number == 1 else { continue }
            dimensions.append(try readDimension(field.message))
            try check(dimensions.count, Limit.axes, "axes of an input or output")
        }
        return dimensions
    }

    /// A length, a name, or neither; exporters also write -1 for an unknown length.
    private mutating func readDimension(_ dimension: WireMessage) throws -> ONNXDimension {
        var fields = dimension
        var result = ONNXDimension.symbolic("?")
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1:
                let length = try field.integer
                result = length < 0 ? .symbolic("?") : .fixed(length)
            case 2:
                let name = try name(field.message)
                if !name.isEmpty { result = .symbolic(name) }
            default: break
            }
        }
        return result
    }
}
