/// Parts of a model as messages. Source of the field numbers: onnx.proto of ONNX 1.23.
enum Draft {
    /// `TensorProto.DataType`
    enum ElementType: Int64 {
        case float32 = 1
        case int8 = 3
        case float16 = 10
    }

    /// A tensor with its data as `raw_data`.
    static func tensor(
        _ name: Name, _ type: ElementType, dimensions: [Int], data: any TensorContent
    ) throws(RewriteRefusal) -> MessageDraft {
        var draft = MessageDraft()
        for length in dimensions { try draft.integer(1, Int64(length)) }
        try draft.integer(2, type.rawValue)
        try draft.bytes(8, name)
        try draft.content(9, data)
        return draft
    }

    /// Scales, one per channel; along one axis where a shape is given.
    static func scales(
        _ name: Name, _ values: [Float], dimensions: [Int]? = nil
    ) throws(RewriteRefusal) -> MessageDraft {
        try tensor(name, .float32, dimensions: dimensions ?? [values.count], data: Floats(values: values))
    }

    private struct Floats: TensorContent {
        let values: [Float]

        var byteCount: Int { values.count * 4 }

        func write(to receive: ByteReceiver) throws {
            try values.map { $0.bitPattern.littleEndian }.withUnsafeBytes(receive)
        }
    }

    /// A node of the default domain, perhaps with one attribute that is a number.
    static func node(
        _ type: String, _ inputs: [Name], _ outputs: [Name], name: Name, attribute: (name: String, value: Int64)? = nil
    ) throws(RewriteRefusal) -> MessageDraft {
        var draft = MessageDraft()
        for input in inputs { try draft.bytes(1, input) }
        for output in outputs { try draft.bytes(2, output) }
        try draft.bytes(3, name)
        try draft.text(4, type)
        if let attribute {
            var message = MessageDraft()
            try message.text(1, attribute.name)
            try message.integer(3, attribute.value)
            try message.integer(20, 2)  // AttributeType.INT
            try draft.message(5, message)
        }
        return draft
    }
}
