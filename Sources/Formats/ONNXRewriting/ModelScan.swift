import ONNXModel

/// A name in a model as its bytes: Swift takes some texts for equal that ONNX tells apart.
typealias Name = [UInt8]

/// An initializer of the outermost graph, without its data.
struct Initializer {
    /// Its whole field in the file, tag and length included, and the message in it.
    let field: Range<Int>
    let message: WireMessage
    var name: Name = []
    var elementType: Int64 = 0
    var dimensions: [Int] = []
    /// Where float32 values lie within the model; nil where there are none, or in another form.
    var floatData: Range<Int>?
    var rawData: Range<Int>?
    var hasOtherData = false
    var isExternal = false
    var external: [String: String] = [:]
}

/// How an initializer is used.
struct Uses {
    /// By nodes of the outermost graph whose weights can be quantized, as their weight: by the node's place.
    var asWeight: [Int] = []
    /// In any other place, subgraphs included.
    var others = 0
}

/// Goes through a model and notes what a rewrite has to know of it: where its parts lie, which names it uses.
///
/// Source: onnx.proto of ONNX 1.23; the field numbers in each `switch` are those of the message that it names. The
/// model was read by `ONNXSummary` before, so its numbers of nodes, tensors and nested graphs are within the limits.
struct ModelScan {
    /// Names of ours begin so.
    static let prefix = Array("assay_".utf8)
    private static let nameBytesMax = 4_096

    private(set) var wire: WireReader
    /// The fields of the model and of its graph in the file's order.
    private(set) var modelFields: [(number: Int, range: Range<Int>)] = []
    private(set) var graphFields: [(number: Int, range: Range<Int>)] = []
    private(set) var initializers: [Initializer] = []
    /// Names of the graph's own inputs and outputs.
    private(set) var interface: Set<Name> = []
    private(set) var uses: [Name: Uses] = [:]
    /// Nodes of the outermost graph whose weights can be quantized, by their place among its nodes.
    private(set) var operators: [Int: OperatorNode] = [:]
    /// Names that the model has already and that begin as ours do.
    private(set) var taken: Set<Name> = []

    init(_ source: any RandomAccessSource) throws {
        wire = WireReader(source)
        var graph = WireMessage.empty
        var fields = wire.root
        var functions: [WireMessage] = []
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            modelFields.append((field.number, start..<fields.position))
            switch field.number {
            case 7: graph = try field.message
            case 20:
                throw RewriteRefusal(
                    "the model holds training information, which speaks of its weights",
                    remedy: "export it for inference")
            case 25: functions.append(try field.message)
            default: break
            }
        }
        try readInterface(graph)
        uses = Dictionary(initializers.map { ($0.name, Uses()) }, uniquingKeysWith: { first, _ in first })
        guard uses.count == initializers.count else {
            throw ONNXModelError.invalid("two of its initializers have one name")
        }
        try readNodes(graph)
        for function in functions { try refuseExternalData(inFunction: function) }
    }

    // MARK: GraphProto

    /// The graph's fields, initializers, inputs and outputs; nodes may stand before them and are read afterwards.
    private mutating func readInterface(_ graph: WireMessage) throws {
        var fields = graph
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            graphFields.append((field.number, start..<fields.position))
            switch field.number {
            case 5:
                let initializer = try readInitializer(try field.message, field: start..<fields.position)
                note(initializer.name)
                initializers.append(initializer)
            case 11, 12:
                let name = try firstText(field.message)
                note(name)
                interface.insert(name)
            case 13: note(try firstText(field.message))
            case 15: try readSparseTensor(field.message)
            default: break
            }
        }
    }

    private mutating func readNodes(_ graph: WireMessage) throws {
        var fields = graph
        var place = 0
        while let field = try wire.next(&fields) {
            guard field.number == 1 else { continue }
            let node = try readNode(try field.message)
            if let weight = node.weight, uses[weight] != nil {
                operators[place] = node
                uses[weight]?.asWeight.append(place)
            }
            for (index, input) in node.inputs.enumerated() where !(index == 1 && node.weight != nil) {
                uses[input]?.others += 1
            }
            place += 1
        }
    }

    private mutating func readNode(_ message: WireMessage) throws -> OperatorNode {
        var fields = message
        var node = OperatorNode(message: message)
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: node.inputs.append(try name(field.message))
            case 2: node.outputs.append(try name(field.message))
            case 3: node.name = try name(field.message)
            case 4: node.type = String(decoding: try name(field.message), as: UTF8.self)
            case 5: try readAttribute(try field.message, of: &node)
            case 7: node.domain = String(decoding: try name(field.message), as: UTF8.self)
            default: break
            }
        }
        for name in node.inputs + node.outputs + [node.name] { note(name) }
        return node
    }

    private mutating func readAttribute(_ message: WireMessage, of node: inout OperatorNode) throws {
        var fields = message
        var attribute = OperatorNode.Attribute()
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: attribute.name = String(decoding: try name(field.message), as: UTF8.self)
            case 2:
                guard case .fixed(let bytes) = field.value, bytes.byteCount == 4 else {
                    throw ONNXModelError.invalid("an attribute's number is no float")
                }
                attribute.float = Self.float(try wire.bytes(of: bytes, limit: 4))
            case 3: attribute.integer = try field.integer
            case 5, 10: try refuseExternalData(in: try field.message)
            case 6, 11: try readSubgraph(try field.message)
            case 21: attribute.isReference = true
            case 22, 23: try readSparseTensor(field.message)
            default: break
            }
        }
        node.attributes.append(attribute)
    }

    private static func float(_ bytes: [UInt8]) -> Float {
        Float(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// A subgraph uses names from around it; which, is all that matters of it. Its depth was checked before.
    private mutating func readSubgraph(_ graph: WireMessage) throws {
        var fields = graph
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: for input in try readNode(try field.message).inputs { uses[input]?.others += 1 }
            case 5: try refuseExternalData(in: try field.message)
            case 11, 13: note(try firstText(field.message))
            case 12:
                let name = try firstText(field.message)
                note(name)
                uses[name]?.others += 1
            case 15: try readSparseTensor(field.message)
            default: break
            }
        }
    }

    // MARK: TensorProto

    private mutating func readInitializer(_ message: WireMessage, field range: Range<Int>) throws -> Initializer {
        var fields = message
        var tensor = Initializer(field: range, message: message)
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: try readDimensions(field, of: &tensor)
            case 2: tensor.elementType = try field.integer
            case 4:
                guard case .bytes(let packed) = field.value, tensor.floatData == nil else {
                    tensor.hasOtherData = true
                    break
                }
                tensor.floatData = packed.position..<packed.end
            case 3, 5, 6, 7, 10, 11: tensor.hasOtherData = true
            case 8: tensor.name = try name(field.message)
            case 9:
                let raw = try field.message
                tensor.rawData = raw.position..<raw.end
            case 13:
                let (key, value) = try readEntry(field.message)
                tensor.external[key] = value
            case 14: tensor.isExternal = try field.integer == 1
            default: break
            }
        }
        return tensor
    }

    private mutating func readDimensions(_ field: WireField, of tensor: inout Initializer) throws {
        guard case .bytes(var packed) = field.value else {
            return tensor.dimensions.append(try Self.length(try field.integer))
        }
        while packed.byteCount > 0 {
            tensor.dimensions.append(try Self.length(Int64(bitPattern: try wire.varint(&packed))))
        }
    }

    private static func length(_ value: Int64) throws -> Int {
        guard value >= 0 else { throw ONNXModelError.invalid("a tensor has an axis of negative length") }
        return Int(value)
    }

    private mutating func readEntry(_ entry: WireMessage) throws -> (key: String, value: String) {
        var fields = entry
        var (key, value): (Name, Name) = ([], [])
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: key = try name(field.message)
            case 2: value = try name(field.message)
            default: break
            }
        }
        return (String(decoding: key, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private mutating func readSparseTensor(_ tensor: WireMessage) throws {
        var fields = tensor
        while let field = try wire.next(&fields) {
            guard field.number == 1 || field.number == 2 else { continue }
            try refuseExternalData(in: try field.message)
        }
    }

    /// Notes a tensor's name and refuses data of its own file: only the outermost graph's can be taken in.
    private mutating func refuseExternalData(in tensor: WireMessage) throws {
        var fields = tensor
        while let field = try wire.next(&fields) {
            if field.number == 8 { note(try name(field.message)) }
            guard field.number == 14, try field.integer == 1 else { continue }
            throw RewriteRefusal(
                "a tensor within a subgraph, an attribute or a function keeps its data in another file",
                remedy: "save the model with all of its data in one file, and push that")
        }
    }

    private mutating func refuseExternalData(inFunction function: WireMessage) throws {
        var fields = function
        while let field = try wire.next(&fields) {
            if field.number == 7 { _ = try readNode(try field.message) }
        }
    }

    // MARK: Names

    /// What the message has as its field 1, which is the name of a value.
    private mutating func firstText(_ message: WireMessage) throws -> Name {
        var fields = message
        var text: Name = []
        while let field = try wire.next(&fields) {
            if field.number == 1 { text = try name(field.message) }
        }
        return text
    }

    private mutating func name(_ message: WireMessage) throws -> Name {
        guard message.byteCount <= Self.nameBytesMax else {
            throw ONNXModelError.limitExceeded("more than \(Self.nameBytesMax) bytes in a name")
        }
        return try wire.bytes(of: message, limit: Self.nameBytesMax)
    }

    private mutating func note(_ name: Name) {
        if name.starts(with: Self.prefix) { taken.insert(name) }
    }
}

/// A node of an operator whose weights can be quantized.
struct OperatorNode {
    struct Attribute {
        var name = ""
        var float: Float?
        var integer: Int64?
        /// Whether its value comes from the function around it.
        var isReference = false
    }

    let message: WireMessage
    var type = ""
    var domain = ""
    var name: Name = []
    var inputs: [Name] = []
    var outputs: [Name] = []
    var attributes: [Attribute] = []

    init(message: WireMessage) { self.message = message }

    /// The name of its weights, if it is one of MatMul, Gemm and Conv.
    var weight: Name? {
        guard domain.isEmpty || domain == "ai.onnx", ["MatMul", "Gemm", "Conv"].contains(type), inputs.count >= 2 else {
            return nil
        }
        return inputs[1]
    }

    func float(_ name: String, default value: Float) -> Float {
        attributes.last { $0.name == name }?.float ?? value
    }

    func integer(_ name: String, default value: Int64) -> Int64 {
        attributes.last { $0.name == name }?.integer ?? value
    }
}
