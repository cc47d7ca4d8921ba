/// The classes that classifiers of a model's graph say that they tell apart, by the outputs that depend on them.
///
/// Source: ONNX 1.23, Operators-ml.md: `classlabels_ints` and `classlabels_int64s`, `classlabels_strings`. A list is
/// what the model says of itself: whoever uses it holds it against what the model answers.
package struct ONNXClassLists {
    /// The classes of one classifier, in the order of its scores.
    package enum List: Hashable, Sendable {
        case numbers([Int64])
        case texts([String])

        package var count: Int {
            switch self {
            case .numbers(let numbers): numbers.count
            case .texts(let texts): texts.count
            }
        }
    }

    private struct Node {
        var inputs: [String] = []
        var outputs: [String] = []
        var domain = ""
        var list: List?
    }

    /// A list of more classes is none.
    private static let classesMax = 100_000
    private static let domain = "ai.onnx.ml"

    private var nodes: [Node] = []
    private var producers: [String: Int] = [:]
    private var reader: ONNXReader

    /// Reads the outermost graph.
    ///
    /// Throws `ONNXModelError`, or whatever the source fails with.
    package init(reading source: any RandomAccessSource) throws {
        reader = ONNXReader(source)
        var model = reader.wire.root
        while let field = try reader.wire.next(&model) {
            guard field.number == 7 else { continue }
            var graph = try field.message
            while let part = try reader.wire.next(&graph) {
                if part.number == 1 { nodes.append(try node(part.message)) }
                try reader.check(nodes.count, ONNXReader.Limit.nodes, "nodes")
            }
        }
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
        }
    }

    /// The different lists of the classifiers that an output is computed from.
    package func lists(behind output: String) -> Set<List> {
        var found: Set<List> = []
        var seen: Set<Int> = []
        var waiting = [output]
        while let name = waiting.popLast() {
            guard let index = producers[name], seen.insert(index).inserted else { continue }
            if let list = nodes[index].list { found.insert(list) }
            waiting += nodes[index].inputs
        }
        return found
    }

    private mutating func node(_ message: WireMessage) throws -> Node {
        var fields = message
        var node = Node()
        var lists: [List] = []
        while let field = try reader.wire.next(&fields) {
            switch field.number {
            case 1: node.inputs.append(try reader.name(field.message))
            case 2: node.outputs.append(try reader.name(field.message))
            case 5: if let list = try list(field.message) { lists.append(list) }
            case 7: node.domain = try reader.name(field.message)
            default: break
            }
        }
        // Two lists of one node leave open which one holds.
        if node.domain == Self.domain, lists.count == 1 { node.list = lists[0] }
        return node
    }

    /// The classes of an attribute that lists some; nil for any other one, and for one without classes.
    private mutating func list(_ attribute: WireMessage) throws -> List? {
        var fields = attribute
        var name = ""
        var numbers: [Int64] = []
        var texts: [String] = []
        while let field = try reader.wire.next(&fields) {
            switch field.number {
            case 1:
                name = try reader.name(field.message)
                guard name.hasPrefix("classlabels_") else { return nil }
            // An attribute whose name comes later than its values is written by no known tool.
            case 8 where !name.isEmpty:
                if case .bytes(var packed) = field.value {
                    while packed.byteCount > 0 { numbers.append(Int64(bitPattern: try reader.wire.varint(&packed))) }
                } else {
                    numbers.append(try field.integer)
                }
            case 9 where !name.isEmpty: texts.append(try reader.name(field.message))
            default: if name.isEmpty, field.number != 20 { return nil }
            }
            guard numbers.count + texts.count <= Self.classesMax else { return nil }
        }
        switch (numbers.isEmpty, texts.isEmpty) {
        case (false, true): return .numbers(numbers)
        case (true, false): return .texts(texts)
        default: return nil
        }
    }
}
