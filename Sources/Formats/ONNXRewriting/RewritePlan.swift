import ONNXModel

/// Collects what becomes of the model's parts, then puts them together.
struct RewritePlan {
    /// What becomes of one graph.
    private struct Changes {
        /// What stands in a constant's place, by its name.
        var tensors: [Name: [MessageDraft]] = [:]
        /// Nodes before all others.
        var firstNodes: [MessageDraft] = []
        /// What stands in a node's place, by that.
        var nodes: [Int: [MessageDraft]] = [:]

        var isEmpty: Bool { tensors.isEmpty && firstNodes.isEmpty && nodes.isEmpty }
    }

    let scan: ModelScan
    let data: WeightData
    private(set) var report = ModelRewrite.Report()
    var names: NewNames
    /// By the graphs' places.
    private var changes: [Changes]

    init(scan: ModelScan, data: WeightData) {
        self.scan = scan
        self.data = data
        names = NewNames(taken: scan.taken)
        changes = scan.graphs.map { _ in Changes() }
    }

    /// The values of a constant that may be rewritten; nil for one that stays as it is.
    func floats(of constant: Initializer, in graph: Int) throws -> FloatTensor? {
        guard !constant.name.isEmpty, !scan.graphs[graph].interface.contains(constant.name) else { return nil }
        return try data.floats(of: constant)
    }

    mutating func replace(
        _ constant: Initializer, in graph: Int, by drafts: [MessageDraft], bytesBefore: Int, bytesAfter: Int
    ) {
        changes[graph].tensors[constant.name] = drafts
        report.tensorCount += 1
        report.bytesBefore += bytesBefore
        report.bytesAfter += bytesAfter
    }

    mutating func putFirst(_ node: MessageDraft, in graph: Int) { changes[graph].firstNodes.append(node) }

    mutating func replaceNode(at place: Int, in graph: Int, by drafts: [MessageDraft]) {
        changes[graph].nodes[place] = drafts
    }

    // MARK: Putting together

    func model() throws -> MessageDraft {
        var model = MessageDraft()
        for field in scan.modelFields {
            if field.number == 7 {
                try model.message(7, try graph(scan.outermost))
            } else {
                try model.copy(field.range)
            }
        }
        return model
    }

    /// Whether a graph is other than it was, for itself or for one within it.
    private func isChanged(_ graph: Int) -> Bool {
        !changes[graph].isEmpty || scan.graphs[graph].nesting.values.contains(where: isChanged)
    }

    private func isChanged(_ node: OperatorNode) -> Bool {
        node.fields.contains { $0.attribute?.fields.contains { $0.graph.map(isChanged) ?? false } ?? false }
    }

    private func graph(_ place: Int) throws -> MessageDraft {
        let (scanned, changes) = (scan.graphs[place], changes[place])
        let constantsByNode = Dictionary(
            scanned.constants.compactMap { constant in constant.constantPlace.map { ($0, constant.name) } },
            uniquingKeysWith: { first, _ in first })
        var graph = MessageDraft()
        for node in changes.firstNodes { try graph.message(1, node) }
        var nodePlace = 0
        var initializers = scanned.initializers[...]
        for field in scanned.fields {
            switch field.number {
            case 1:
                if let drafts = changes.nodes[nodePlace] {
                    for draft in drafts { try graph.message(1, draft) }
                } else if let drafts = constantsByNode[nodePlace].flatMap({ changes.tensors[$0] }) {
                    for draft in drafts { try graph.message(5, draft) }
                } else if let node = scanned.nesting[nodePlace], isChanged(node) {
                    try graph.message(1, try self.node(node))
                } else {
                    try graph.copy(field.range)
                }
                nodePlace += 1
            case 5:
                guard let initializer = initializers.popFirst() else { break }
                if let drafts = changes.tensors[initializer.name] {
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

    /// A node with the graphs in it as they are now.
    private func node(_ node: OperatorNode) throws -> MessageDraft {
        var draft = MessageDraft()
        for field in node.fields {
            guard let attribute = field.attribute else {
                try draft.copy(field.range)
                continue
            }
            var message = MessageDraft()
            for part in attribute.fields {
                if let place = part.graph {
                    try message.message(part.number, try graph(place))
                } else {
                    try message.copy(part.range)
                }
            }
            try draft.message(5, message)
        }
        return draft
    }
}
