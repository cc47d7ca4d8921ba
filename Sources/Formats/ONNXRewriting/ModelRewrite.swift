package import ONNXModel

/// A model rewritten to another precision, ready to be written; the same model always gives the same bytes.
///
/// What is not rewritten stays byte for byte as it was, unknown fields included. Weights in other files are taken into
/// the model. Format: docs/formats/variants.md.
package struct ModelRewrite {
    /// Finds a file beside the model by the name that the model gives it; nil if there is none.
    package typealias ExternalFiles = (_ location: String) throws -> (any RandomAccessSource)?

    /// What became of the weights.
    package struct Report: Sendable, Equatable {
        /// How many tensors are stored in another precision.
        package fileprivate(set) var tensorCount = 0
        /// The bytes of these tensors before, and after with their scales.
        package fileprivate(set) var bytesBefore = 0
        package fileprivate(set) var bytesAfter = 0
    }

    /// Tensors with fewer values are left as they are: what stands around them would outweigh what is saved.
    package static let elementsMin = 256
    /// From this version of the format on an initializer need not be an input as well.
    private static let irVersionMin: Int64 = 4

    package let report: Report
    /// The files whose weights are now in the model, by the names that it gave them.
    package let inlinedFiles: [String]
    private let source: any RandomAccessSource
    private let draft: MessageDraft

    /// How many bytes the model has.
    package var byteCount: Int { draft.byteCount }

    /// Reads a model and decides what is rewritten; its weights are read once to find their ranges.
    ///
    /// Throws `ONNXModelError` for what is no model, `RewriteRefusal` for a model that cannot be rewritten so, and what
    /// the sources throw.
    package init(
        reading source: any RandomAccessSource, precision: Precision, externalFiles: ExternalFiles
    ) throws {
        try Self.check(try ONNXSummary(reading: source), for: precision)
        let scan = try ModelScan(source)
        let data = try WeightData(source: source, initializers: scan.initializers, externalFiles: externalFiles)
        var plan = RewritePlan(scan: scan, data: data)
        switch precision {
        case .float16: try plan.storeAsFloat16()
        case .int8Weights: try plan.storeAsInt8()
        case .int8Dynamic: try plan.computeInInt8()
        }
        guard plan.report.tensorCount > 0 else {
            throw RewriteRefusal(
                "no weights of the model can be stored as \(precision.rawValue)",
                remedy: "only float32 initializers of \(Self.elementsMin) values and more that are neither inputs nor "
                    + "outputs are rewritten, for int8 those of MatMul, Gemm and Conv alone")
        }
        self.source = source
        report = plan.report
        inlinedFiles = data.externalFiles
        draft = try plan.model()
    }

    /// Writes the model. The original must not have changed since it was read.
    package func write(to receive: ByteReceiver) throws { try draft.write(copyingFrom: source, to: receive) }

    private static func check(_ summary: ONNXSummary, for precision: Precision) throws(RewriteRefusal) {
        guard summary.irVersion >= irVersionMin else {
            throw RewriteRefusal(
                "the model's format is version \(summary.irVersion), in which every weight is an input as well",
                remedy: "export it anew with IR version \(irVersionMin) or later")
        }
        guard let opset = summary.opsets["ai.onnx"], opset >= precision.opsetMin else {
            let known = summary.opsets["ai.onnx"].map { "is \($0)" } ?? "is not named"
            throw RewriteRefusal(
                "\(precision.rawValue) needs operator set \(precision.opsetMin), and the model's \(known)",
                remedy: "export the model for operator set \(precision.opsetMin) or later, or convert it with "
                    + "onnx.version_converter")
        }
        guard !summary.isQuantized else {
            throw RewriteRefusal(
                "the model is quantized already", remedy: "rewrite the version that it was derived from")
        }
    }
}

/// Collects what becomes of the model's parts, then puts them together.
struct RewritePlan {
    let scan: ModelScan
    let data: WeightData
    private(set) var report = ModelRewrite.Report()
    var names: NewNames
    /// What stands in an initializer's place, by its name.
    private var tensors: [Name: [MessageDraft]] = [:]
    /// Nodes before all others.
    private var firstNodes: [MessageDraft] = []
    /// What stands in a node's place, by that.
    private var nodes: [Int: [MessageDraft]] = [:]

    init(scan: ModelScan, data: WeightData) {
        self.scan = scan
        self.data = data
        names = NewNames(taken: scan.taken)
    }

    /// The values of a weight that may be rewritten; nil for one that stays as it is.
    func floats(of initializer: Initializer) throws -> FloatTensor? {
        guard !initializer.name.isEmpty, !scan.interface.contains(initializer.name) else { return nil }
        return try data.floats(of: initializer)
    }

    mutating func replace(_ initializer: Initializer, by drafts: [MessageDraft], bytesBefore: Int, bytesAfter: Int) {
        tensors[initializer.name] = drafts
        report.tensorCount += 1
        report.bytesBefore += bytesBefore
        report.bytesAfter += bytesAfter
    }

    mutating func putFirst(_ node: MessageDraft) { firstNodes.append(node) }

    mutating func replaceNode(at place: Int, by drafts: [MessageDraft]) { nodes[place] = drafts }

    // MARK: Putting together

    func model() throws -> MessageDraft {
        var model = MessageDraft()
        for field in scan.modelFields {
            if field.number == 7 {
                try model.message(7, try graph())
            } else {
                try model.copy(field.range)
            }
        }
        return model
    }

    private func graph() throws -> MessageDraft {
        var graph = MessageDraft()
        for node in firstNodes { try graph.message(1, node) }
        var nodePlace = 0
        var initializers = scan.initializers[...]
        for field in scan.graphFields {
            switch field.number {
            case 1:
                if let drafts = nodes[nodePlace] {
                    for draft in drafts { try graph.message(1, draft) }
                } else {
                    try graph.copy(field.range)
                }
                nodePlace += 1
            case 5:
                guard let initializer = initializers.popFirst() else { break }
                if let drafts = tensors[initializer.name] {
                    for draft in drafts { try graph.message(5, draft) }
                } else if initializer.isExternal {
                    try graph.message(5, try data.inlined(initializer))
                } else {
                    try graph.copy(field.range)
                }
            default: try graph.copy(field.range)
            }
        }
        return graph
    }
}

/// Makes names that the model does not have.
struct NewNames {
    /// Longer names of the model are not made part of new ones.
    private static let originalBytesMax = 512

    private var taken: Set<Name>
    private var count = 0

    init(taken: Set<Name>) { self.taken = taken }

    /// `assay_ROLE/ORIGINAL`, with a number behind it where that is taken.
    mutating func name(_ role: String, of original: Name) -> Name {
        count += 1
        let rest = original.count <= Self.originalBytesMax ? original : Array("\(count)".utf8)
        let wanted = ModelScan.prefix + Array("\(role)/".utf8) + rest
        var name = wanted
        var number = 2
        while !taken.insert(name).inserted {
            name = wanted + Array("_\(number)".utf8)
            number += 1
        }
        return name
    }
}
