/// Walks an ONNX file once, front to back, and collects its summary.
///
/// Source: onnx.proto of ONNX 1.23; the field numbers in each `switch` are those of the message that it names. Unknown
/// fields are skipped, as protobuf demands.
struct ONNXReader {
    /// The limits that keep a hostile file from taking time or memory without bound.
    enum Limit {
        static let nodes = 500_000
        static let tensors = 500_000
        static let values = 10_000
        static let operators = 10_000
        static let opsets = 1_000
        static let externalFiles = 10_000
        static let axes = 256
        static let metadataEntries = 64
        /// Graphs within nodes, and types within types. Protobuf's readers stop at 100 messages within each other, and
        /// a graph within another takes three.
        static let depth = 32
        /// The longest name of a tensor, an operator or a file.
        static let nameBytes = 4_096
        /// What is kept of texts that name nothing.
        static let textBytes = 1_024
        /// The sum of all names kept while reading.
        static let keptBytes = 67_108_864
    }

    var wire: WireReader
    var summary = ONNXSummary()
    private(set) var randomness = ONNXRandomness()
    private var nodeCount = 0
    private var tensorCount = 0
    private var keptBytes = 0
    private var operatorCounts: [String: Int] = [:]
    private var elementCounts: [Int64: Int64] = [:]
    private var initializerNames: Set<String> = []
    /// By the bytes of their locations: as texts, `é` in one scalar and in two would be the same file.
    private var externalFiles: [[UInt8]: Int64] = [:]

    init(_ source: any RandomAccessSource) { wire = WireReader(source) }

    /// Reads the model and gives its summary.
    mutating func read() throws -> ONNXSummary {
        guard wire.root.byteCount > 0 else { throw ONNXModelError.invalid("it is empty") }
        try readModel(wire.root)
        summary.inputs.removeAll { initializerNames.contains($0.name) }
        summary.operators = operatorCounts.sorted { $0.key < $1.key }.map { .init(name: $0.key, count: $0.value) }
        summary.precision = elementCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { ElementType.name(of: $0.key) }
        summary.externalData = externalFiles.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { .init(location: String(decoding: $0.key, as: UTF8.self), end: $0.value) }
        return summary
    }

    // MARK: ModelProto

    private mutating func readModel(_ model: WireMessage) throws {
        var fields = model
        var hasGraph = false
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: summary.irVersion = try field.integer
            case 2: summary.producerName = try text(field.message)
            case 3: summary.producerVersion = try text(field.message)
            case 7:
                guard !hasGraph else { throw ONNXModelError.invalid("it has two graphs") }
                hasGraph = true
                try readGraph(field.message, depth: 0)
            case 8: try readOpset(field.message)
            case 14: try readMetadata(field.message)
            case 25: try readFunction(field.message)
            default: break
            }
        }
        guard summary.irVersion > 0 else { throw ONNXModelError.invalid("it has no format version") }
        guard hasGraph else { throw ONNXModelError.invalid("it has no graph") }
        guard !summary.opsets.isEmpty else { throw ONNXModelError.invalid("it names no operator set") }
    }

    private mutating func readOpset(_ opset: WireMessage) throws {
        var fields = opset
        var domain = ""
        var version: Int64 = 0
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: domain = try name(field.message)
            case 2: version = try field.integer
            default: break
            }
        }
        let key = domain.isEmpty ? "ai.onnx" : domain
        summary.opsets[key] = max(version, summary.opsets[key] ?? version)
        try check(summary.opsets.count, Limit.opsets, "operator sets")
    }

    private mutating func readMetadata(_ entry: WireMessage) throws {
        guard summary.metadata.count < Limit.metadataEntries else { return }
        let (key, value) = try readEntry(entry)
        summary.metadata[try text(key)] = try text(value)
    }

    private mutating func readFunction(_ function: WireMessage) throws {
        var fields = function
        while let field = try wire.next(&fields) {
            switch field.number {
            case 7: try readNode(field.message, depth: 0, isFunction: true)
            case 11:
                var defaults: [Tensor] = []
                try readAttribute(field.message, depth: 0, into: &defaults)
            default: break
            }
        }
    }

    // MARK: GraphProto, NodeProto, AttributeProto

    /// Reads a graph; `depth` counts the graphs around it, and only the outermost one has the model's interface.
    private mutating func readGraph(_ graph: WireMessage, depth: Int) throws {
        guard depth <= Limit.depth else { throw ONNXModelError.invalid("graphs are nested too deep") }
        var fields = graph
        while let field = try wire.next(&fields) {
            switch field.number {
            case 1: try readNode(field.message, depth: depth)
            case 5: try add(try readTensor(field.message), isOutermost: depth == 0)
            case 15: try add(try readSparseTensor(field.message), isOutermost: depth == 0)
            case 11 where depth == 0:
                summary.inputs.append(try readValue(field.message))
                try check(summary.inputs.count, Limit.values, "inputs")
            case 12 where depth == 0:
                summary.outputs.append(try readValue(field.message))
                try check(summary.outputs.count, Limit.values, "outputs")
            default: break
            }
        }
    }

    private mutating func readNode(_ node: WireMessage, depth: Int, isFunction: Bool = false) throws {
        nodeCount += 1
        try check(nodeCount, Limit.nodes, "nodes")
        var fields = node
        var type = ""
        var domain = ""
        var inputs: [WireMessage] = []
        var tensors: [Tensor] = []
        while let field = try wire.next(&fields) {
            switch field.number {
            // Names of tensors, and its own, are not kept, but long ones cost the runtime as much.
            case 1, 2, 3:
                try check(field.message.byteCount, Limit.nameBytes, "bytes in a name")
                if field.number == 1, inputs.count < 3 { inputs.append(try field.message) }
            case 4: type = try name(field.message)
            case 5: try readAttribute(field.message, depth: depth, into: &tensors)
            case 7: domain = try name(field.message)
            default: break
            }
        }
        guard !type.isEmpty else { throw ONNXModelError.invalid("a node names no operator") }
        let third = type == "Dropout" && inputs.count == 3 ? try name(inputs[2]) : ""
        randomness.note(type, thirdInput: third, isOutermost: depth == 0 && !isFunction)
        let standard = domain == "ai.onnx" ? "" : domain
        count(type, domain: standard)
        // What such a node gives is a weight like an initializer's.
        if type == "Constant", standard.isEmpty { for tensor in tensors { try add(tensor, isOutermost: false) } }
        try check(operatorCounts.count, Limit.operators, "different operators")
    }

    private mutating func count(_ type: String, domain: String) {
        operatorCounts[domain.isEmpty ? type : "\(domain).\(type)", default: 0] += 1
        if type.hasPrefix("QLinear") || Self.quantizedOperators.contains(type) { summary.isQuantized = true }
    }

    private static let quantizedOperators: Set<String> = [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "MatMulNBits",
    ]

    /// Reads an attribute and adds the one tensor that it may be.
    private mutating func readAttribute(_ attribute: WireMessage, depth: Int, into tensors: inout [Tensor]) throws {
        var fields = attribute
        while let field = try wire.next(&fields) {
            switch field.number {
            case 5: tensors.append(try readTensor(field.message))
            case 10: _ = try readTensor(field.message)
            case 6, 11: try readGraph(field.message, depth: depth + 1)
            case 22: tensors.append(try readSparseTensor(field.message))
            case 23: _ = try readSparseTensor(field.message)
            default: break
            }
        }
    }

    // MARK: Initializers

    private mutating func add(_ tensor: Tensor, isOutermost: Bool) throws {
        if isOutermost, !tensor.name.isEmpty {
            initializerNames.insert(tensor.name)
            randomness.note(initializer: tensor.name, isFalse: tensor.isFalse)
        }
        let (sum, isOverflow) = summary.parameterCount.addingReportingOverflow(tensor.elementCount)
        guard !isOverflow else { throw ONNXModelError.invalid("its weights have more elements than 64 bits count") }
        summary.parameterCount = sum
        // No type's count exceeds the sum, which was checked.
        elementCounts[tensor.elementType, default: 0] += tensor.elementCount
        try check(elementCounts.count, Limit.values, "element types")
    }

    // MARK: Texts and limits

    /// A text that names something: whole, or an error, since a cut name could equal another one.
    mutating func name(_ message: WireMessage) throws -> String {
        try check(message.byteCount, Limit.nameBytes, "bytes in a name")
        keptBytes += message.byteCount
        try check(keptBytes, Limit.keptBytes, "bytes in all names")
        return String(decoding: try wire.bytes(of: message, limit: Limit.nameBytes), as: UTF8.self)
    }

    /// A text for people: cut to its limit between two characters.
    mutating func text(_ message: WireMessage) throws -> String {
        var bytes = try wire.bytes(of: message, limit: Limit.textBytes)
        guard bytes.count < message.byteCount else { return String(decoding: bytes, as: UTF8.self) }
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last >= 0x80 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self) + "…"
    }

    func check(_ count: Int, _ limit: Int, _ what: String) throws {
        guard count <= limit else { throw ONNXModelError.limitExceeded("more than \(limit) \(what)") }
    }

    /// Counts one more tensor.
    mutating func noteTensor() throws {
        tensorCount += 1
        try check(tensorCount, Limit.tensors, "tensors")
    }

    /// Notes a file that a tensor of a node or a graph keeps its data in, and where that part ends.
    mutating func noteExternalFile(_ file: String, end: Int64) throws {
        let file = Array(file.utf8)
        externalFiles[file] = max(end, externalFiles[file] ?? end)
        try check(externalFiles.count, Limit.externalFiles, "external files")
    }
}

extension ONNXSummary {
    /// Reads the summary of a model without loading its weights.
    ///
    /// Throws `ONNXModelError`, or whatever the source fails with. The time grows with the number of nodes and tensors,
    /// not with their size, and both are limited.
    package init(reading source: any RandomAccessSource) throws {
        var reader = ONNXReader(source)
        self = try reader.read()
    }
}
