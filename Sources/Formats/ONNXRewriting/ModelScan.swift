import ONNXModel

/// What a rewrite has to know of one graph: where its parts lie, what it holds, which names it uses.
struct GraphScan {
    /// The graph's fields in the file's order; nodes and initializers among them in theirs.
    fileprivate(set) var fields: [(number: Int, range: Range<Int>)] = []
    /// The initializers, in the order of their fields, and behind them what `Constant` nodes give.
    fileprivate(set) var constants: [Initializer] = []
    /// The names of the graph's own inputs and outputs.
    fileprivate(set) var interface: Set<Name> = []
    fileprivate(set) var uses: [Name: Uses] = [:]
    /// Nodes that are rewritten together with their weights, by their place among the graph's nodes.
    fileprivate(set) var operators: [Int: OperatorNode] = [:]
    /// Nodes with graphs in them, by their place.
    fileprivate(set) var nesting: [Int: OperatorNode] = [:]

    /// The initializers, in the order of their fields.
    var initializers: [Initializer] { constants.filter { $0.constantPlace == nil } }
}

/// Goes through a model and notes what a rewrite has to know of it.
///
/// Source: onnx.proto of ONNX 1.23; the field numbers in each `switch` are those of the message that it names. The
/// model was read by `ONNXSummary` before, so its numbers of nodes, tensors and nested graphs are within the limits.
struct ModelScan {
    /// Names of ours begin so.
    static let prefix = Array("assay_".utf8)
    private static let nameBytesMax = 4_096

    private(set) var wire: WireReader
    /// The fields of the model in the file's order.
    private(set) var modelFields: [(number: Int, range: Range<Int>)] = []
    /// All graphs, those of functions left aside; a graph stands behind those that are within it.
    private(set) var graphs: [GraphScan] = []
    /// Names that the model has already and that begin as ours do.
    private(set) var taken: Set<Name> = []

    /// The place of the outermost graph.
    var outermost: Int { graphs.count - 1 }

    init(_ source: some RandomAccessSource) throws {
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
        for function in functions { try readFunction(function) }
        _ = try readGraph(graph, isOutermost: true)
    }

    // MARK: GraphProto

    /// Reads a graph and those within it; gives the names that it uses and does not have.
    private mutating func readGraph(_ graph: WireMessage, isOutermost: Bool) throws -> [Name] {
        var scan = GraphScan()
        var nodes: [OperatorNode] = []
        var known: Set<Name> = []
        var outputs: [Name] = []
        var fields = graph
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            scan.fields.append((field.number, start..<fields.position))
            switch field.number {
            case 1: nodes.append(try readNode(try field.message))
            case 5:
                let tensor = try field.message
                if !isOutermost { try refuseExternalData(in: tensor) }
                scan.constants.append(try readTensor(tensor))
            case 11, 12:
                let name = try firstText(field.message)
                note(name)
                scan.interface.insert(name)
                if field.number == 11 { known.insert(name) } else { outputs.append(name) }
            case 13: note(try firstText(field.message))
            case 15: try readSparseTensor(field.message)
            default: break
            }
        }
        for constant in scan.constants { note(constant.name) }
        for (place, node) in nodes.enumerated() {
            guard var constant = node.constant, !node.outputs[0].isEmpty else { continue }
            (constant.constantPlace, constant.name) = (place, node.outputs[0])
            scan.constants.append(constant)
        }
        known.formUnion(scan.constants.map(\.name))
        known.formUnion(nodes.flatMap(\.outputs))
        try Self.count(nodes, in: &scan)
        graphs.append(scan)
        return (nodes.flatMap { $0.inputs + $0.freeNames } + outputs).filter { !known.contains($0) }
    }

    /// Counts how the graph's constants are used.
    private static func count(_ nodes: [OperatorNode], in scan: inout GraphScan) throws(ONNXModelError) {
        scan.uses = Dictionary(scan.constants.map { ($0.name, Uses()) }, uniquingKeysWith: { first, _ in first })
        guard scan.uses.count == scan.constants.count else { throw .invalid("two of its initializers have one name") }
        for (place, node) in nodes.enumerated() {
            let weight = node.weight.flatMap { scan.uses[$0] == nil ? nil : $0 }
            if let weight {
                scan.operators[place] = node
                scan.uses[weight]?.asWeight.append(place)
            }
            for (index, input) in node.inputs.enumerated() where weight == nil || index != node.weightIndex {
                scan.uses[input]?.others += 1
            }
            for name in node.freeNames { scan.uses[name]?.others += 1 }
            if !node.fields.isEmpty { scan.nesting[place] = node }
        }
    }

    // MARK: NodeProto, AttributeProto

    private mutating func readNode(_ message: WireMessage) throws -> OperatorNode {
        var fields = message
        var node = OperatorNode(message: message)
        var parts: [(number: Int, range: Range<Int>, attribute: OperatorNode.GraphAttribute?)] = []
        var tensors: [WireMessage] = []
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            var graphs: OperatorNode.GraphAttribute?
            switch field.number {
            case 1: node.inputs.append(try name(field.message))
            case 2: node.outputs.append(try name(field.message))
            case 3: node.name = try name(field.message)
            case 4: node.type = String(decoding: try name(field.message), as: UTF8.self)
            case 5: graphs = try readAttribute(try field.message, of: &node, tensors: &tensors)
            case 7: node.domain = String(decoding: try name(field.message), as: UTF8.self)
            default: break
            }
            parts.append((field.number, start..<fields.position, graphs))
        }
        if parts.contains(where: { $0.attribute != nil }) { node.fields = parts }
        for name in node.inputs + node.outputs + [node.name] { note(name) }
        let isConstant = node.type == "Constant" && node.isStandard && node.inputs.isEmpty && node.outputs.count == 1
        if isConstant, node.attributes.map(\.name) == ["value"], tensors.count == 1, !node.attributes[0].isReference {
            node.constant = try readTensor(tensors[0])
        }
        return node
    }

    /// Reads an attribute; gives its fields if it holds graphs.
    private mutating func readAttribute(
        _ message: WireMessage, of node: inout OperatorNode, tensors: inout [WireMessage]
    ) throws -> OperatorNode.GraphAttribute? {
        var fields = message
        var attribute = OperatorNode.Attribute()
        var parts = OperatorNode.GraphAttribute()
        while fields.byteCount > 0 {
            let start = fields.position
            guard let field = try wire.next(&fields) else { break }
            var graph: Int?
            switch field.number {
            case 1: attribute.name = String(decoding: try name(field.message), as: UTF8.self)
            case 2:
                guard case .fixed(let bytes) = field.value, bytes.byteCount == 4 else {
                    throw ONNXModelError.invalid("an attribute's number is no float")
                }
                attribute.float = Self.float(try wire.bytes(of: bytes, limit: 4))
            case 3: attribute.integer = try field.integer
            case 5, 10:
                let tensor = try field.message
                try refuseExternalData(in: tensor)
                if field.number == 5 { tensors.append(tensor) }
            case 6, 11:
                node.freeNames += try readGraph(try field.message, isOutermost: false)
                graph = graphs.count - 1
            case 21: attribute.isReference = true
            case 22, 23: try readSparseTensor(field.message)
            default: break
            }
            parts.fields.append((field.number, start..<fields.position, graph))
        }
        node.attributes.append(attribute)
        return parts.fields.contains { $0.graph != nil } ? parts : nil
    }

    private static func float(_ bytes: [UInt8]) -> Float {
        Float(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// A function's nodes are read for their names, and stay as they are.
    private mutating func readFunction(_ function: WireMessage) throws {
        let before = graphs.count
        var fields = function
        while let field = try wire.next(&fields) {
            if field.number == 7 { _ = try readNode(try field.message) }
        }
        graphs.removeLast(graphs.count - before)
    }

    // MARK: TensorProto

    private mutating func readTensor(_ message: WireMessage) throws -> Initializer {
        var fields = message
        var tensor = Initializer(message: message)
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: try readDimensions(field, of: &tensor)
            case 2: tensor.elementType = try field.integer
            case 4: try tensor.addFloats(field)
            case 3, 5, 6, 7, 10, 11: tensor.hasOtherData = true
            case 8: tensor.name = try name(field.message)
            case 9:
                let raw = try field.message
                tensor.rawData = raw.position..<raw.end
            case 13:
                let (key, value) = try readEntry(field.message)
                tensor.external[key] = value
            case 14 where 0...1 ~= (try field.integer): tensor.isExternal = try field.integer == 1
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
